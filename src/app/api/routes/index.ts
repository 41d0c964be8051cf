import type { ApiRoute } from '../route.js';
import { auditRoutes } from './audit.js';
import { keyRoutes } from './keys.js';
import { providerRoutes } from './providers.js';
import { whoami } from './whoami.js';

/** Every address below `/api/v1`. */
export const apiRoutes: readonly ApiRoute[] = [whoami, ...keyRoutes, ...providerRoutes, ...auditRoutes];
