import { fail, type SeaworthyError } from '#kernel/errors/index.js';

/** Which Host and Origin headers a listener accepts: the defence against DNS rebinding. */
export interface HostPolicy {
  /** Host names without port; compared ignoring case. */
  readonly hosts: readonly string[];
  /** Whole origins, such as `https://console.example.com`. */
  readonly origins: readonly string[];
}

/**
 * Makes the check of one listener. A missing Origin is fine (only browsers send one); a missing Host is not. An
 * origin on an allowed loopback host is fine whatever its port, because that is the machine itself.
 * @returns undefined, or SW_HOST_REFUSED or SW_ORIGIN_REFUSED
 */
export function hostGuard(policy: HostPolicy) {
  const hosts = new Set(policy.hosts.map((host) => host.toLowerCase()));
  const origins = new Set(policy.origins.map((origin) => origin.toLowerCase()));
  const goodHosts = new Set<string>();
  return (host: string | undefined, origin: string | undefined): SeaworthyError | undefined => {
    if (host === undefined || !goodHosts.has(host)) {
      const name = host === undefined ? undefined : hostNameOf(host);
      if (host === undefined || name === undefined || !hosts.has(name))
        return fail('SW_HOST_REFUSED', { host: host ?? '(none)' });
      // Bounded: only allowed names get here, with any of 65,536 ports; keep the first few.
      if (goodHosts.size < 64) goodHosts.add(host);
    }
    if (origin === undefined || origins.has(origin.toLowerCase()) || isAllowedLoopback(origin, hosts)) return undefined;
    return fail('SW_ORIGIN_REFUSED', { origin });
  };
}

export const loopbackHosts = ['localhost', '127.0.0.1', '[::1]'] as const;

function isAllowedLoopback(origin: string, hosts: ReadonlySet<string>): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  const name = match?.[1] === undefined ? undefined : hostNameOf(match[1]);
  return name !== undefined && (loopbackHosts as readonly string[]).includes(name) && hosts.has(name);
}

/** The host without its port, lower case; undefined where it is not a plain host. */
function hostNameOf(host: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)(?::\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase();
}
