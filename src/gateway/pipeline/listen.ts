import type { ListenFilter, ModelNotification } from '#protocol/model/index.js';
import { passesLogLevel } from '#protocol/model/index.js';
import type { Listener, Listening } from '#protocol/server/index.js';
import type { Catalog, CatalogChange, Provider, ProviderSubscription, View } from '../catalog/index.js';
import type { Rights } from '../policy/index.js';

interface Watch {
  readonly provider: string;
  readonly uri: string;
  /** As the client knows it. */
  readonly shown: string;
}

interface Subscribed {
  readonly target: Provider;
  readonly watches: readonly Watch[];
  readonly subscription: ProviderSubscription;
}

/**
 * Serves the interests of one client: list changes of the providers that it may see, updates of the resources that
 * it may read. Admission is asked for every URI before its provider hears of it.
 */
export function listen(listener: Listener, catalog: Catalog): Listening {
  let closed = false;
  const subscribed = new Map<string, Subscribed>();
  const watched = new Map<string, string>();
  const stop = catalog.onChange((change) => {
    followReplacement(change);
    for (const notification of notificationsFor(change, listener, catalog.rightsOf(listener.principal), watched))
      listener.notify(notification);
  });
  const acknowledged = begin().then((uris) => honoured(listener.filter, uris));

  async function begin(): Promise<string[]> {
    const view = await catalog.view(listener.route.provider, listener.principal);
    const watches = watchesOf(listener, view, catalog.rightsOf(listener.principal));
    const byProvider = new Map<string, Watch[]>();
    for (const watch of watches) byProvider.set(watch.provider, [...(byProvider.get(watch.provider) ?? []), watch]);
    // A log level concerns every provider of the route, with or without resources to watch.
    if (listener.filter.logLevel !== undefined)
      for (const provider of view.providers) if (!byProvider.has(provider)) byProvider.set(provider, []);
    const accepted = await Promise.all([...byProvider].map(([provider, mine]) => subscribe(provider, mine)));
    return accepted.flat();
  }

  async function subscribe(provider: string, watches: readonly Watch[]): Promise<string[]> {
    for (const { uri, shown } of watches) watched.set(`${provider}\n${uri}`, shown);
    const target = catalog.provider(provider);
    const subscription = target.subscribe({
      resources: watches.map(({ uri }) => uri),
      logLevel: listener.filter.logLevel,
      principalId: listener.principal.id,
      client: listener.client,
      session: listener.session,
    });
    if (closed) subscription.close();
    else subscribed.set(provider, { target, watches, subscription });
    const accepted = await subscription.accepted;
    return watches.filter(({ uri }) => accepted.includes(uri)).map(({ shown }) => shown);
  }

  /** A reload may put another provider under the same id: the interests move to it once it has started. */
  function followReplacement({ provider, event }: CatalogChange): void {
    const known = subscribed.get(provider);
    if (event.kind !== 'snapshot' || !known || !catalog.has(provider)) return;
    if (catalog.provider(provider) === known.target) return;
    subscribed.delete(provider);
    known.subscription.close();
    catalog
      .view(provider, listener.principal)
      .then(() => (closed || !catalog.has(provider) ? [] : subscribe(provider, known.watches)))
      .catch(() => {
        // The new provider took none of them: it is away, and says so in health; calls and lists are not concerned.
      });
  }

  return {
    acknowledged,
    close() {
      closed = true;
      stop();
      for (const { subscription } of subscribed.values()) subscription.close();
      subscribed.clear();
    },
  };
}

function watchesOf({ filter }: Listener, view: View, rights: Rights): Watch[] {
  return (filter.resourceSubscriptions ?? []).flatMap((shown) => {
    const found = tryResolve(view, shown);
    return found && rights.admits(found.provider, 'resource', found.uri) ? [{ ...found, shown }] : [];
  });
}

function tryResolve(view: View, uri: string): { provider: string; uri: string } | undefined {
  try {
    return view.resolveUri(uri);
  } catch {
    // A URI that nobody serves is left out of the acknowledgement, which is how the client learns of it.
    return undefined;
  }
}

const honoured = (filter: ListenFilter, uris: readonly string[]): ListenFilter => ({
  ...(filter.toolsListChanged ? { toolsListChanged: true } : {}),
  ...(filter.promptsListChanged ? { promptsListChanged: true } : {}),
  ...(filter.resourcesListChanged ? { resourcesListChanged: true } : {}),
  ...(filter.resourceSubscriptions ? { resourceSubscriptions: uris } : {}),
});

function* notificationsFor(
  { provider, event }: CatalogChange,
  { filter, route, session }: Listener,
  rights: Rights,
  watched: ReadonlyMap<string, string>,
): Iterable<ModelNotification> {
  if (route.provider !== undefined ? route.provider !== provider : !rights.reaches(provider)) return;
  if (event.kind === 'snapshot') {
    for (const list of event.lists)
      if (filter[`${list}ListChanged`]) yield { method: `notifications/${list}/list_changed`, params: {} };
  } else if (event.kind === 'resource-updated') {
    if (event.sessionKey !== undefined && event.sessionKey !== session?.key) return;
    const shown = watched.get(`${provider}\n${event.uri}`);
    // Asked again for each update: the rights may have changed since the interest was taken.
    if (shown !== undefined && rights.admits(provider, 'resource', event.uri))
      yield { method: 'notifications/resources/updated', params: { ...event.params, uri: shown } };
  } else if (session && (event.sessionKey === undefined || event.sessionKey === session.key)) {
    // Only a legacy session has a place for what belongs to no call.
    if (passesLogLevel(event.notification, filter.logLevel)) yield event.notification;
  }
}
