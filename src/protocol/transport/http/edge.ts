import type { IncomingMessage } from 'node:http';
import { fail, type SeaworthyError } from '#kernel/errors/index.js';
import { addressSet } from '#kernel/http/index.js';
import { corsOf, type CorsPolicy } from './cors.js';
import { forwardedBy, type ForwardedHeader } from './forwarded.js';
import { hostGuard, type HostPolicy } from './guard.js';
import { secureHeaders, securityHeaders } from './security-headers.js';
import { refuseAmbiguous } from './strict-request.js';

/** Whom one listener lets in, and what it tells browsers. */
export interface EdgeOptions {
  readonly hosts: HostPolicy;
  /** Proxies in front, as `isAddressEntry` takes them. Default none: forwarded headers are not read. */
  readonly trustedProxies?: readonly string[];
  /** Which headers those proxies write. Default `x-forwarded`. */
  readonly forwardedHeader?: ForwardedHeader;
  /** Clients that may come; empty (the default) means all. */
  readonly allowedAddresses?: readonly string[];
  /** Default: no page of another origin may read an answer. Its origins pass the check of Origin too. */
  readonly cors?: CorsPolicy;
  /** Names a request whose client named none. */
  readonly nextRequestId: () => string;
}

/** What is known of a request once its head is read. */
export interface Arrival {
  /** Address of the client, behind the proxies that are trusted. */
  readonly address: string | undefined;
  /** The client's own `X-Request-Id` where that is well-formed, else one of ours. */
  readonly requestId: string;
  /** Every answer carries these. */
  readonly headers: Readonly<Record<string, string>>;
  /** Answer with this and read nothing more. SW_HTTP_MALFORMED, SW_CLIENT_ADDRESS_REFUSED, SW_HOST_REFUSED, SW_ORIGIN_REFUSED */
  readonly refusal: SeaworthyError | undefined;
  /** True: a browser asks what it may do; answer 204 with the headers above, without a credential. */
  readonly preflight: boolean;
}

/** The checks that come before everything else, the same on every listener. */
export interface Edge {
  enter(request: IncomingMessage): Arrival;
}

const wellFormedId = /^[A-Za-z0-9._-]{1,64}$/;

/** Makes the edge of one listener. */
export function openEdge(options: EdgeOptions): Edge {
  const { hosts, cors: policy, nextRequestId, forwardedHeader = 'x-forwarded' } = options;
  const guard = hostGuard({ hosts: hosts.hosts, origins: [...hosts.origins, ...(policy?.origins ?? [])] });
  const trusted = addressSet(options.trustedProxies ?? []);
  const allowed = addressSet(options.allowedAddresses ?? []);
  const cors = policy && policy.origins.length > 0 ? corsOf(policy) : undefined;

  return {
    enter(request) {
      const { headers, socket } = request;
      const forwarded = forwardedBy(socket.remoteAddress, headers, trusted, forwardedHeader);
      const { address } = forwarded;
      const given = headers['x-request-id'];
      const requestId = typeof given === 'string' && wellFormedId.test(given) ? given : nextRequestId();
      const secure = 'encrypted' in socket || forwarded.protocol === 'https';
      const base = secure ? secureHeaders : securityHeaders;
      const refusal =
        refuseAmbiguous(request) ??
        (allowed.any && !allowed.has(address) ? fail('SW_CLIENT_ADDRESS_REFUSED') : undefined) ??
        guard(headers.host, headers.origin) ??
        (forwarded.host === undefined ? undefined : guard(forwarded.host, undefined));
      if (!cors)
        return { address, requestId, headers: { ...base, 'x-request-id': requestId }, refusal, preflight: false };
      const preflight = refusal ? undefined : cors.preflight(request);
      const shared = preflight ?? cors.answer(headers.origin) ?? { vary: 'Origin' };
      return {
        address,
        requestId,
        headers: { ...base, 'x-request-id': requestId, ...shared },
        refusal,
        preflight: preflight !== undefined,
      };
    },
  };
}
