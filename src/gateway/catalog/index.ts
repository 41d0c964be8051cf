export { Catalog, type CatalogChange, type CatalogOptions } from './catalog.js';
export type {
  Provider,
  ProviderCall,
  ProviderEvent,
  ProviderHealth,
  ProviderInterest,
  ProviderSnapshot,
  ProviderSubscription,
} from './provider.js';
export { fileSnapshotStore, noSnapshotStore, type SnapshotStore } from './snapshot-store.js';
export { nameProblems, View, type ListMethod, type Target } from './view.js';
export { prefixedName } from './names.js';
