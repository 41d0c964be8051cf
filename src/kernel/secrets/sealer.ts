import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { KeyRing, RingKey } from './key-ring.js';

/** What a token can carry: an object that JSON can write. */
export type Sealable = Readonly<Record<string, unknown>>;

/**
 * What became of a token. `malformed`: it was never one of ours or was cut; `unknown-key`: sealed by another deployment
 * or with a key that was rotated away; `forged`: changed, or sealed for another purpose.
 */
export type Opened =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly reason: 'malformed' | 'unknown-key' | 'forged' };

/** Turns small values into tokens that only this deployment can read or make. Synchronous, ten to twenty microseconds each. */
export interface Sealer {
  /** A token in visible ASCII (base64url without padding): fits an HTTP header, a URL, a JSON string. */
  seal(value: Sealable): string;
  /** Never throws, whatever it is given. */
  open(token: string): Opened;
}

const version = 1;
const headerBytes = 5;
const nonceBytes = 12;
const tagBytes = 16;
const overheadBytes = headerBytes + nonceBytes + tagBytes;
/** Longer input is refused before it is decoded. */
const maxTokenLength = 64 * 1024;

/**
 * Makes the sealer of one purpose. Layout: version (1 byte), key id (4), nonce (12), ciphertext, tag (16); AES-256-GCM
 * (NIST SP 800-38D) with the version and key id authenticated, under a key derived per purpose by HKDF-SHA-256
 * (RFC 5869), so a token of one purpose never opens as another's. Nonces are random: rotate before 2^32 tokens a key.
 */
export function createSealer(keyRing: KeyRing, purpose: string): Sealer {
  let derivedFrom: readonly RingKey[] | undefined;
  let newest: PurposeKey;
  const byId = new Map<number, PurposeKey>();

  /** Keys are derived when the ring has changed, not for each token. */
  const derive = (): void => {
    if (derivedFrom === keyRing.keys) return;
    derivedFrom = keyRing.keys;
    byId.clear();
    for (const ringKey of derivedFrom) {
      newest = purposeKey(ringKey, purpose);
      byId.set(ringKey.id.readUInt32BE(), newest);
    }
  };

  return {
    seal: (value) => {
      derive();
      return encrypt(newest, JSON.stringify(value));
    },
    open: (token) => {
      const bytes = decodeToken(token);
      if (bytes === undefined) return { ok: false, reason: 'malformed' };
      derive();
      const key = byId.get(bytes.readUInt32BE(1));
      if (key === undefined) return { ok: false, reason: 'unknown-key' };
      const text = decrypt(key, bytes);
      // What we sealed is JSON: no parse failure can follow a valid tag.
      if (text === undefined) return { ok: false, reason: 'forged' };
      return { ok: true, value: JSON.parse(text) as Record<string, unknown> };
    },
  };
}

interface PurposeKey {
  /** Version and key id as they stand in front of every token. */
  readonly header: Buffer;
  readonly key: Buffer;
}

const purposeKey = (ringKey: RingKey, purpose: string): PurposeKey => ({
  header: Buffer.concat([Buffer.of(version), ringKey.id]),
  key: Buffer.from(hkdfSync('sha256', ringKey.key, '', `seaworthy sealed token v1: ${purpose}`, 32)),
});

function encrypt(key: PurposeKey, text: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(key.header);
  const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([key.header, nonce, ciphertext, cipher.getAuthTag()]).toString('base64url');
}

function decrypt(key: PurposeKey, bytes: Buffer): string | undefined {
  const nonce = bytes.subarray(headerBytes, headerBytes + nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', key.key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(key.header);
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  const text = decipher.update(bytes.subarray(headerBytes + nonceBytes, -tagBytes), undefined, 'utf8');
  try {
    return text + decipher.final('utf8');
  } catch {
    return undefined; // The tag does not fit: this is the only failure that final() has here.
  }
}

function decodeToken(token: string): Buffer | undefined {
  if (token.length > maxTokenLength) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length < overheadBytes || bytes[0] !== version) return undefined;
  // Buffer skips what is not base64url and ignores spare bits; then two texts would be one token, and a revoked
  // token would come back in another spelling.
  return bytes.toString('base64url') === token ? bytes : undefined;
}
