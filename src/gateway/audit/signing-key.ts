import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail, reasonOf } from '#kernel/errors/index.js';
import type { ChainHead } from './chain.js';

/** The Ed25519 key (RFC 8032) that signs checkpoints. */
export interface SigningKey {
  /** First 16 hexadecimal digits of the SHA-256 over the public key (SPKI, DER). */
  readonly id: string;
  /** SPKI as PEM: what others need to verify. */
  readonly publicKey: string;
  /** Base64url. */
  sign(text: string): string;
}

/** Checks signatures of one key. */
export interface VerifyingKey {
  readonly id: string;
  verify(text: string, signature: string): boolean;
}

/** What a checkpoint signs: everything up to the record that it names. */
export const checkpointText = ({ chain, seq, hash }: ChainHead): string =>
  `seaworthy-audit-checkpoint-1\n${chain}\n${seq}\n${hash}`;

/**
 * Opens the key in `file` (PKCS #8, PEM, mode 0600); the first use makes it. Of several processes that start at once,
 * one makes it and all read the same.
 * @throws SW_SECRET_UNAVAILABLE
 */
export async function openSigningKey(file: string): Promise<SigningKey> {
  try {
    return signingKey(createPrivateKey(await readOrMake(file)));
  } catch (error) {
    throw fail('SW_SECRET_UNAVAILABLE', { reference: `file:${file}`, reason: reasonOf(error) }, error);
  }
}

/** @throws SW_SECRET_UNAVAILABLE for text that is no public key */
export function verifyingKey(pem: string): VerifyingKey {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (error) {
    throw fail('SW_SECRET_UNAVAILABLE', { reference: '(public key)', reason: reasonOf(error) }, error);
  }
  return {
    id: idOf(key),
    verify: (text, signature) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url')),
  };
}

function signingKey(key: KeyObject): SigningKey {
  const publicKey = createPublicKey(key);
  return {
    id: idOf(publicKey),
    publicKey: String(publicKey.export({ type: 'spki', format: 'pem' })),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64url'),
  };
}

const idOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);

async function readOrMake(file: string): Promise<string> {
  const known = await readIfThere(file);
  if (known !== undefined) return known;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx', flush: true });
  try {
    // Unlike a rename, a link never replaces: the second of two first starts keeps the key of the first.
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  return readFile(file, 'utf8');
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
