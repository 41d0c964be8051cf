export { hashKey, looksLikeKey, makeKey } from './api-key.js';
export { localUser, openToAll, type Authenticator } from './authenticator.js';
export { KeyAuthenticator, principalOfKey } from './key-authenticator.js';
export { KeyStore, type KeyRecord } from './key-store.js';
export { keysOrTokens, OAuthAuthenticator } from './oauth-authenticator.js';
export { ProtectedResource } from './protected-resource.js';
