import type { Principal } from '#kernel/context/index.js';
import type { Credentials } from '#protocol/server/index.js';
import type { Authenticator } from '../auth/index.js';
import type { RateLimits } from '../limits/index.js';
import { recordLoginFailure, type Recorder } from './record.js';

/**
 * Credentials become a principal, or a refusal that leaves a record. Synchronous where the authenticator is: most
 * credentials are a look-up. Beyond the rate of an address a refusal leaves no record, which would let anybody fill the
 * audit log: it is counted.
 * @throws SW_UNAUTHENTICATED, SW_RATE_LIMITED and what the authenticator raises
 */
export function authenticate(
  credentials: Credentials,
  authenticator: Authenticator,
  rates: RateLimits,
  recorder: Recorder,
): Principal | Promise<Principal> {
  const refused = (error: unknown): Promise<never> | never => {
    const record = () => {
      recordLoginFailure(recorder, credentials, error);
      throw error;
    };
    const counting = rates.login(credentials.address);
    return counting ? counting.then(record) : record();
  };
  try {
    const principal = authenticator.authenticate(credentials);
    return principal instanceof Promise ? principal.catch(refused) : principal;
  } catch (error) {
    return refused(error);
  }
}
