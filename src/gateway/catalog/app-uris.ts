import { isObject, RawResult } from '#protocol/jsonrpc/index.js';
import type { JsonObject, ModelResult } from '#protocol/model/index.js';

const scheme = 'ui://';

/** Resources of MCP Apps: the pages that tools name as their user interface. */
export const isAppUri = (uri: string): boolean => uri.startsWith(scheme);

/** How `/mcp` shows an app's URI: the provider becomes the host, so `ui://form/a` of crm is `ui://crm/form/a`. */
export const shownAppUri = (provider: string, uri: string): string =>
  isAppUri(uri) ? `${scheme}${provider}/${uri.slice(scheme.length)}` : uri;

/** The inverse: whose app it is, and its own URI. Undefined where the host is none of the providers. */
export function splitAppUri(
  uri: string,
  providers: ReadonlySet<string>,
): { readonly provider: string; readonly uri: string } | undefined {
  const slash = uri.indexOf('/', scheme.length);
  const provider = slash < 0 ? '' : uri.slice(scheme.length, slash);
  return providers.has(provider) ? { provider, uri: scheme + uri.slice(slash + 1) } : undefined;
}

/** A tool, its user interface named as `/mcp` shows it. The same object where it has none. */
export function withShownApp<Item extends JsonObject>(provider: string, item: Item): Item {
  const meta = shownMeta(provider, item['_meta']);
  return meta === item['_meta'] ? item : { ...item, _meta: meta };
}

/**
 * A result with the apps that it names as `/mcp` shows them: contents of a resource, links and embedded resources in
 * content and messages, `_meta`, and the same in the result that a task carries. Everything else stays as it was.
 */
export function withShownApps(provider: string, result: ModelResult): ModelResult {
  const raw = result instanceof RawResult;
  // One search of the bytes: few results name an app.
  if (raw && !result.mentions('ui:')) return result;
  const changed: JsonObject = {};
  for (const [name, show] of Object.entries(members)) {
    const value = raw ? result.get(name) : result[name];
    const shown = value === undefined ? undefined : show(provider, value);
    if (shown !== value) changed[name] = shown;
  }
  if (Object.keys(changed).length === 0) return result;
  return raw ? result.with(changed) : { ...result, ...changed };
}

type Show = (provider: string, value: unknown) => unknown;

/** Changes the items that have something to change; the same list where none has. */
const each =
  (show: Show): Show =>
  (provider, value) => {
    if (!Array.isArray(value)) return value;
    const items: readonly unknown[] = value;
    const shown = items.map((item) => show(provider, item));
    return shown.some((item, i) => item !== items[i]) ? shown : items;
  };

/** A member of an object, changed in place of the old one. */
const inside =
  (name: string, show: Show): Show =>
  (provider, value) => {
    if (!isObject(value) || !(name in value)) return value;
    const shown = show(provider, value[name]);
    return shown === value[name] ? value : { ...value, [name]: shown };
  };

const shownText: Show = (provider, value) => (typeof value === 'string' ? shownAppUri(provider, value) : value);

/** A content block: a link has a URI, an embedded resource has one inside. */
const shownBlock: Show = (provider, value) =>
  inside('resource', inside('uri', shownText))(provider, inside('uri', shownText)(provider, value));

/** The reference to a tool's interface, in both spellings that MCP Apps has had. */
const shownMeta: Show = (provider, value) =>
  inside('ui/resourceUri', shownText)(provider, inside('ui', inside('resourceUri', shownText))(provider, value));

const shownContent: Show = (provider, value) =>
  Array.isArray(value) ? each(shownBlock)(provider, value) : shownBlock(provider, value);

const members: Readonly<Record<string, Show>> = {
  content: each(shownBlock),
  contents: each(inside('uri', shownText)),
  messages: each(inside('content', shownContent)),
  _meta: shownMeta,
  result: (provider, value) => (isObject(value) ? withShownApps(provider, value) : value),
};
