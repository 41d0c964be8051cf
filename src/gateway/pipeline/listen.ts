import type { ListenFilter, ModelNotification } from '#protocol/model/index.js';
import { passesLogLevel } from '#protocol/model/index.js';
import type { Listener, Listening } from '#protocol/server/index.js';
import type { Catalog, OtherEvent, Provider, ProviderSubscription, View } from '../catalog/index.js';
import type { Rights, SubjectKind } from '../policy/index.js';
import { requireFamily } from './require-family.js';
import { knowsTasks, shownNotification, type TaskTokens } from '../tasks/index.js';

/** One thing that the client wants to hear of: a resource by its URI, or a task by its id. */
interface Watch {
  readonly kind: 'resource' | 'task';
  readonly provider: string;
  /** The provider's own URI or task id. */
  readonly name: string;
  /** As the client knows it. */
  readonly shown: string;
  /** What admission is asked for: the resource, or the tool whose call became the task. */
  readonly subject: string;
}

interface Subscribed {
  readonly target: Provider;
  readonly watches: readonly Watch[];
  readonly subscription: ProviderSubscription;
}

/**
 * Serves the interests of one client: list changes of the providers that it may see, updates of the resources that
 * it may read, states of the tasks that it was given. Admission is asked for each of them before its provider hears of it.
 */
export function listen(listener: Listener, catalog: Catalog, tokens: TaskTokens): Listening {
  let closed = false;
  const subscribed = new Map<string, Subscribed>();
  const watched = new Map<string, Watch>();
  const stop = catalog.onChange((change) => {
    const rights = catalog.rightsOf(listener.principal);
    const isShown = (provider: string) => catalog.shows(listener.route.provider, provider, rights);
    if (change.kind === 'lists') {
      for (const provider of change.changed.keys()) followReplacement(provider);
      for (const list of new Set([...change.changed].flatMap(([id, lists]) => (isShown(id) ? [...lists] : []))))
        if (listener.filter[`${list}ListChanged`])
          listener.notify({ method: `notifications/${list}/list_changed`, params: {} });
    } else if (isShown(change.provider)) {
      const notification = notificationFor(change.provider, change.event, listener, rights, watched, tokens);
      if (notification) listener.notify(notification);
    }
  });
  const acknowledged = begin().then((accepted) => honoured(listener.filter, accepted));

  async function begin(): Promise<Watch[]> {
    const view = await catalog.view(listener.route.provider, listener.principal, listener.client.family);
    requireFamily(catalog, listener.route, listener.client);
    const rights = catalog.rightsOf(listener.principal);
    const watches = [...resourcesOf(listener, view, rights), ...tasksOf(listener, view, rights, tokens)];
    const byProvider = new Map<string, Watch[]>();
    for (const watch of watches) byProvider.set(watch.provider, [...(byProvider.get(watch.provider) ?? []), watch]);
    // A log level concerns every provider of the route, with or without resources to watch.
    if (listener.filter.logLevel !== undefined)
      for (const provider of view.providers) if (!byProvider.has(provider)) byProvider.set(provider, []);
    const accepted = await Promise.all([...byProvider].map(([provider, mine]) => subscribe(provider, mine)));
    return accepted.flat();
  }

  async function subscribe(provider: string, watches: readonly Watch[]): Promise<Watch[]> {
    for (const watch of watches) watched.set(keyOf(watch.kind, provider, watch.name), watch);
    const target = catalog.provider(provider);
    const subscription = target.subscribe({
      resources: namesOf(watches, 'resource'),
      tasks: namesOf(watches, 'task'),
      logLevel: listener.filter.logLevel,
      principalId: listener.principal.id,
      client: listener.client,
      session: listener.session,
    });
    if (closed) subscription.close();
    else subscribed.set(provider, { target, watches, subscription });
    const accepted = await subscription.accepted;
    return watches.filter(({ name }) => accepted.includes(name));
  }

  /** A reload may put another provider under the same id: the interests move to it once it has started. */
  function followReplacement(provider: string): void {
    const known = subscribed.get(provider);
    if (!known || !catalog.has(provider)) return;
    if (catalog.provider(provider) === known.target) return;
    subscribed.delete(provider);
    known.subscription.close();
    catalog
      .view(provider, listener.principal, listener.client.family)
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

/** An interest is asked for as a call is, though without arguments: scopes count. */
const admits = (rights: Rights, provider: string, kind: SubjectKind, name: string): boolean =>
  rights.admit({ provider, kind, name }, {}).allowed;
const keyOf = (kind: Watch['kind'], provider: string, name: string): string => `${kind}\n${provider}\n${name}`;
const namesOf = (watches: readonly Watch[], kind: Watch['kind']): string[] =>
  watches.flatMap((watch) => (watch.kind === kind ? watch.name : []));

function resourcesOf({ filter }: Listener, view: View, rights: Rights): Watch[] {
  return (filter.resourceSubscriptions ?? []).flatMap((shown) => {
    const found = tryResolve(view, shown);
    if (!found || !admits(rights, found.provider, 'resource', found.uri)) return [];
    return [{ kind: 'resource', provider: found.provider, name: found.uri, shown, subject: found.uri }];
  });
}

/** A task that is not the client's own is left out of the acknowledgement. */
function tasksOf({ filter, client, principal }: Listener, view: View, rights: Rights, tokens: TaskTokens): Watch[] {
  if (!knowsTasks(client)) return [];
  return (filter.taskIds ?? []).flatMap((shown) => {
    const found = tokens.open(principal.id, shown);
    if (!found || !view.providers.has(found.provider) || !admits(rights, found.provider, 'tool', found.tool)) return [];
    return [{ kind: 'task', provider: found.provider, name: found.taskId, shown, subject: found.tool }];
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

const shownOf = (watches: readonly Watch[], kind: Watch['kind']): string[] =>
  watches.flatMap((watch) => (watch.kind === kind ? watch.shown : []));

const honoured = (filter: ListenFilter, accepted: readonly Watch[]): ListenFilter => ({
  ...(filter.toolsListChanged ? { toolsListChanged: true } : {}),
  ...(filter.promptsListChanged ? { promptsListChanged: true } : {}),
  ...(filter.resourcesListChanged ? { resourcesListChanged: true } : {}),
  ...(filter.resourceSubscriptions ? { resourceSubscriptions: shownOf(accepted, 'resource') } : {}),
  ...(filter.taskIds ? { taskIds: shownOf(accepted, 'task') } : {}),
});

function notificationFor(
  provider: string,
  event: OtherEvent,
  { filter, session, principal }: Listener,
  rights: Rights,
  watched: ReadonlyMap<string, Watch>,
  tokens: TaskTokens,
): ModelNotification | undefined {
  // Asked again for each update: the rights may have changed since the interest was taken.
  if (event.kind === 'task') {
    const watch = watched.get(keyOf('task', provider, event.taskId));
    if (!watch || !admits(rights, provider, 'tool', watch.subject)) return undefined;
    return { method: 'notifications/tasks', params: { ...event.params, taskId: watch.shown } };
  }
  if (event.sessionKey !== undefined && event.sessionKey !== session?.key) return undefined;
  if (event.principalId !== undefined && event.principalId !== principal.id) return undefined;
  if (event.kind === 'resource-updated') {
    const watch = watched.get(keyOf('resource', provider, event.uri));
    if (!watch || !admits(rights, provider, 'resource', watch.subject)) return undefined;
    return { method: 'notifications/resources/updated', params: { ...event.params, uri: watch.shown } };
  }
  // Only a legacy session has a place for what belongs to no call.
  if (!session) return undefined;
  const shown = shownNotification(event.notification, (id) => tokens.known(principal.id, provider, id));
  return shown && passesLogLevel(shown, filter.logLevel) ? shown : undefined;
}
