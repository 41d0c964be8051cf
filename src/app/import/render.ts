import { relative } from 'node:path';
import { parse } from 'yaml';
import type { Tool } from '#protocol/model/index.js';
import type { ProviderSnapshot } from '#gateway/catalog/index.js';
import type { Discovery } from './discover.js';
import type { Import, ImportedServer } from './read-client-config.js';

export interface RenderOptions {
  /** Sources are named relative to this folder, so that the file does not tell where it was made. */
  readonly baseDir: string;
  readonly home: string;
  /** Undefined: nothing was started. */
  readonly discoveries: ReadonlyMap<string, Discovery> | undefined;
  /** True: only tools that say they change nothing are allowed. */
  readonly readOnly: boolean;
}

/** The text of `seaworthy.yaml`: the same for the same input. */
export function renderConfig({ files, servers }: Import, options: RenderOptions): string {
  const lines = [
    '# Made by `seaworthy init` from:',
    ...files.map((file) => `#   ${shownPath(file, options)}`),
    '# `seaworthy config check` checks it, `seaworthy config print` shows every setting that is in force.',
    '',
    servers.length === 0 ? 'mcpServers: {}' : 'mcpServers:',
    ...servers.flatMap((server) => indent(serverLines(server, options), 2)),
    '',
    '# What each role may use; everything else is refused. Keys have roles: `seaworthy keys create --role owner`.',
    'access:',
    '  - role: owner',
    ...indent(allowLines(servers, options), 4),
  ];
  return `${lines.join('\n')}\n`;
}

/** A path as people would write it: from the folder or from home. */
export function shownPath(file: string, { baseDir, home }: Pick<RenderOptions, 'baseDir' | 'home'>): string {
  const fromBase = relative(baseDir, file);
  if (!fromBase.startsWith('..')) return fromBase;
  const fromHome = relative(home, file);
  return fromHome.startsWith('..') ? file : `~/${fromHome}`;
}

function serverLines({ id, name, source, definition, notes }: ImportedServer, options: RenderOptions): string[] {
  const comments = [...(name === id ? [] : [`${JSON.stringify(name)} in ${shownPath(source, options)}`]), ...notes].map(
    comment,
  );
  const settings = Object.entries(definition).flatMap(([key, value]) => settingLines(key, value));
  return [...comments, `${scalar(id)}:`, ...indent(settings, 2)];
}

function settingLines(key: string, value: string | readonly string[] | Readonly<Record<string, string>>): string[] {
  if (Array.isArray(value))
    return value.length === 0 ? [] : [`${key}: [${value.map((item) => flowScalar(String(item))).join(', ')}]`];
  if (typeof value === 'string') return [`${key}: ${scalar(value)}`];
  const members = Object.entries(value as Record<string, string>);
  return members.length === 0
    ? []
    : [
        `${key}:`,
        ...indent(
          members.map(([name, text]) => `${scalar(name)}: ${scalar(text)}`),
          2,
        ),
      ];
}

function allowLines(servers: readonly ImportedServer[], options: RenderOptions): string[] {
  const groups = servers.map(({ id }) => groupOf(id, options));
  return ['allow:', ...indent([...groups.flat(), '- admin:*  # the gateway itself: keys, records, state'], 2)];
}

function groupOf(id: string, { discoveries, readOnly }: RenderOptions): string[] {
  const discovery = discoveries?.get(id);
  if (!discovery) return [`# ${id}: not looked at. Allow what you need, everything with:`, `# - ${id}:*`];
  if (discovery.kind === 'failed')
    return [comment(`${id} did not answer: ${discovery.reason}`), '# Allow everything of it with:', `# - ${id}:*`];
  const { snapshot } = discovery;
  return [
    `# ${id}: ${countsOf(snapshot)}`,
    ...byDanger(snapshot.tools).map((tool) => toolLine(id, tool, readOnly)),
    ...(snapshot.resources.length + snapshot.resourceTemplates.length > 0 ? [`- ${scalar(`${id}:resources/*`)}`] : []),
    ...(snapshot.prompts.length > 0 ? [`- ${scalar(`${id}:prompts/*`)}`] : []),
  ];
}

/** What only reads first, what may destroy last; within each in the server's order. */
const byDanger = (tools: readonly Tool[]): Tool[] =>
  [...tools].sort((a, b) => dangers.indexOf(dangerOf(a)) - dangers.indexOf(dangerOf(b)));

function toolLine(id: string, tool: Tool, readOnly: boolean): string {
  const danger = dangerOf(tool);
  // Names are the server's: a `*` in one must not become a pattern, and a line break must not become a rule.
  const rule = `- ${scalar(`${id}:tools/${tool.name}`)}${remarks[danger]}`;
  return (readOnly && danger !== 'reads') || /[*\n]/.test(tool.name) ? `# ${rule.replace(/\n/g, ' ')}` : rule;
}

const dangers = ['reads', 'unstated', 'writes', 'destroys'] as const;
type Danger = (typeof dangers)[number];

const remarks: Readonly<Record<Danger, string>> = {
  reads: '',
  unstated: '  # does not say that it only reads',
  writes: '  # changes data',
  destroys: '  # may destroy data',
};

/** What the tool's annotations say; they are the server's own word. */
function dangerOf({ annotations }: Tool): Danger {
  const { readOnlyHint, destructiveHint } = (annotations ?? {}) as Record<string, unknown>;
  if (readOnlyHint === true) return 'reads';
  if (destructiveHint === true) return 'destroys';
  return readOnlyHint === false ? (destructiveHint === false ? 'writes' : 'destroys') : 'unstated';
}

/** `13 tools, 7 resources, 3 prompts`. */
export function countsOf({ tools, resources, resourceTemplates, prompts }: ProviderSnapshot): string {
  const counted = (count: number, word: string) => (count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`]);
  const parts = [
    ...counted(tools.length, 'tool'),
    ...counted(resources.length + resourceTemplates.length, 'resource'),
    ...counted(prompts.length, 'prompt'),
  ];
  return parts.length === 0 ? 'nothing on offer' : parts.join(', ');
}

const comment = (text: string): string => `# ${text.replace(/\s+/g, ' ')}`;
const indent = (lines: readonly string[], by: number): string[] => lines.map((line) => `${' '.repeat(by)}${line}`);

/** A YAML scalar that reads as exactly this text: plain where that is safe, else quoted. */
function scalar(text: string): string {
  return /^[\w./~$][\w./~@:${}+*=,()-]*$/.test(text) && parsesAs(`- ${text}`, text) ? text : JSON.stringify(text);
}

/** The same within `[…]`, where more characters mean something. */
const flowScalar = (text: string): string =>
  /^[\w./~][\w./~@:+=-]*$/.test(text) && parsesAs(`[${text}]`, text) ? text : JSON.stringify(text);

function parsesAs(yaml: string, text: string): boolean {
  const value = parse(yaml, { logLevel: 'silent' }) as unknown;
  return Array.isArray(value) && value.length === 1 && value[0] === text;
}
