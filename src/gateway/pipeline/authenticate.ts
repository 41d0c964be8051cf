import type { Principal } from '#kernel/context/index.js';
import type { Credentials } from '#protocol/server/index.js';
import type { Authenticator } from '../auth/index.js';
import { recordLoginFailure, type Recorder } from './record.js';

/**
 * Credentials become a principal, or a refusal that leaves a record. Synchronous where the authenticator is: most
 * credentials are a look-up.
 * @throws SW_UNAUTHENTICATED and what the authenticator raises
 */
export function authenticate(
  credentials: Credentials,
  authenticator: Authenticator,
  recorder: Recorder,
): Principal | Promise<Principal> {
  const refused = (error: unknown): never => {
    recordLoginFailure(recorder, credentials, error);
    throw error;
  };
  try {
    const principal = authenticator.authenticate(credentials);
    return principal instanceof Promise ? principal.catch(refused) : principal;
  } catch (error) {
    return refused(error);
  }
}
