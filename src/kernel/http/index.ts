export type { AddressRange } from './address-range.js';
export { guardedConnector, type Connector, type Resolve } from './guarded-connector.js';
export { guardedRequest, type GuardedRequestOptions, type GuardedResponse } from './guarded-request.js';
export { addressSet, isAddressEntry, plainAddress, type AddressSet } from './address-set.js';
