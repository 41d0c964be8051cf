export { Catalog, type CatalogChange, type CatalogOptions } from './catalog.js';
export type {
  Invocable,
  MetricSample,
  Provider,
  ProviderCall,
  ProviderEvent,
  ProviderHealth,
  ProviderInterest,
  ProviderSnapshot,
  ProviderSubscription,
} from './provider.js';
export { fileSnapshotStore, noSnapshotStore, type SnapshotStore } from './snapshot-store.js';
export type { ListMethod } from './list-pages.js';
export { nameProblems, View, type Target } from './view.js';
export { withShownApps } from './app-uris.js';
export { prefixedName } from './names.js';
