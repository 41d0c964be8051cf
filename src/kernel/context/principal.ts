/** Who calls. Made by an authenticator, immutable, safe to log (it holds no credential). */
export interface Principal {
  /** Stable and unique: `key:3f…`, `local:1000`, `anonymous`. */
  readonly id: string;
  readonly kind: 'key' | 'local' | 'anonymous';
  /** For people: the key's name, the user's login. */
  readonly name: string;
  readonly roles: readonly string[];
}
