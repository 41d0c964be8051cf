/**
 * What operators want to be woken by, each counted in `seaworthy_security_events_total{event}`. Names are API for
 * alerts: add, never rename.
 */
export const securityEvents = [
  'login.failed',
  'policy.refused',
  'limit.refused',
  'host.refused',
  'origin.refused',
  'address.refused',
  'session.ended',
  'key.created',
  'key.rotated',
  'key.revoked',
  'pin.drifted',
  'pin.released',
  'pin.trusted',
  'pin.approved',
  'pin.rejected',
] as const;

export type SecurityEvent = (typeof securityEvents)[number];

/** The event that a refusal with this code is, if it is one. */
export const securityEventOf = (code: string): SecurityEvent | undefined => eventsByCode.get(code);

const eventsByCode: ReadonlyMap<string, SecurityEvent> = new Map([
  ['SW_UNAUTHENTICATED', 'login.failed'],
  ['SW_ACCESS_DENIED', 'policy.refused'],
  ['SW_RATE_LIMITED', 'limit.refused'],
  ['SW_CONCURRENCY_LIMITED', 'limit.refused'],
  ['SW_ADDRESS_REFUSED', 'address.refused'],
] as const);
