import { fail } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { OAuthAuthenticator, ProtectedResource } from '#gateway/auth/index.js';
import type { Config } from './config.js';

/**
 * The OAuth resource server as the configuration says, if it says so.
 * @throws SW_CONFIG_INVALID
 */
export function openOAuth(
  { auth }: Config,
  parts: { readonly logger: Logger; readonly now: () => number; readonly onRefused: (reason: string) => void },
) {
  const { oauth } = auth;
  if (!oauth) return undefined;
  if (auth.mode === 'none') throw fail('SW_CONFIG_INVALID', { reason: 'auth.oauth cannot be with auth.mode none' });
  const wrong = oauth.issuers.find(({ issuer }) => !URL.canParse(issuer));
  if (wrong || oauth.issuers.length === 0)
    throw fail('SW_CONFIG_INVALID', { reason: 'auth.oauth.issuers needs at least one issuer, each a URL' });
  const resource = new ProtectedResource({
    ...oauth,
    authorizationServers: oauth.issuers.map(({ issuer }) => issuer),
  });
  return { resource, tokens: new OAuthAuthenticator({ ...oauth, ...parts, resource }) };
}
