export { memoryKeyRing, openKeyRing, type KeyRing, type RingKey } from './key-ring.js';
export { isSecretReference, resolveSecret, type SecretEnvironment } from './resolve.js';
export { createSealer, type Opened, type Sealable, type Sealer } from './sealer.js';
export { Secret } from './secret.js';
export { KnownSecrets } from './known-secrets.js';
export { looksSecret, namesSecret, urlPassword } from './secret-text.js';
