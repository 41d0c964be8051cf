/** Who calls. Made by an authenticator, immutable, safe to log (it holds no credential). */
export interface Principal {
  /** Stable and unique: `key:3f…`, `oauth:<issuer>#<subject>`, `user:…`, `certificate:…`, `local:1000`, `anonymous`. */
  readonly id: string;
  readonly kind: 'key' | 'oauth' | 'user' | 'certificate' | 'local' | 'anonymous';
  /** For people: the key's name, the user's login. */
  readonly name: string;
  readonly roles: readonly string[];
  /** Scopes of the credential; absent where it has no such notion, and then its roles alone count. */
  readonly scopes?: readonly string[];
  /** Verified claims of its token, for conditions of the policy. */
  readonly claims?: Readonly<Record<string, unknown>>;
}
