export { adminAdmission, adminName } from './admission.js';
export { apiEndpoint } from './endpoint.js';
export { openApiDocument } from './openapi.js';
export { apiRoutes } from './routes/index.js';
export type { ApiServices } from './services.js';
export { RouteTable } from './table.js';
