export { hashKey, looksLikeKey, makeKey } from './api-key.js';
export { KeyAuthenticator, localUser, openToAll, type Authenticator } from './authenticator.js';
export { KeyStore, type KeyRecord } from './key-store.js';
