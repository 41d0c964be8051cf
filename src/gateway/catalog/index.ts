export { Catalog, type CatalogChange, type CatalogOptions, type OtherEvent } from './catalog.js';
export type {
  Invocable,
  ListKind,
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
export type { ItemKind, Screening } from './screening.js';
export type { ListMethod } from './list-pages.js';
export type { OnFailure, Routing } from './routing.js';
export { nameProblems, View, type Target } from './view.js';
export { withShownApps } from './app-uris.js';
export { prefixedName } from './names.js';
