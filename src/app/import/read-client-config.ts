import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fail, reasonOf } from '#kernel/errors/index.js';
import { isRecord, normalise, workspaceOf, type ServerDefinition } from './normalise.js';
import { parseJsonc } from './parse-jsonc.js';
import type { Place, Surroundings } from './places.js';
import { providerId } from './provider-id.js';
import type { ReferenceContext } from './references.js';
import { Variables, type Variable } from './variables.js';

/** A server found in a client's configuration. */
export interface ImportedServer {
  /** Its name in ours. */
  readonly id: string;
  /** Its name in the client's. */
  readonly name: string;
  /** The file it comes from, absolute. */
  readonly source: string;
  readonly definition: ServerDefinition;
  /** What was left behind, one sentence each. */
  readonly notes: readonly string[];
}

/** Something that was found and not imported. */
export interface SkippedServer {
  /** Absent: the whole file. */
  readonly name?: string;
  readonly source: string;
  readonly reason: string;
}

export interface Import {
  /** Files that were read, absolute. */
  readonly files: readonly string[];
  readonly servers: readonly ImportedServer[];
  readonly skipped: readonly SkippedServer[];
  readonly variables: readonly Variable[];
}

/** The files to read: given by name, or places that exist. */
export type ImportSource = Pick<Place, 'file'> & Partial<Place>;

interface Collector {
  readonly surroundings: Surroundings;
  readonly variables: Variables;
  readonly servers: ImportedServer[];
  readonly skipped: SkippedServer[];
  /** What was taken already, secrets included, to see the same server again. */
  readonly taken: Set<string>;
}

/**
 * Reads client configurations into servers of ours; starts nothing. The same server in two files is taken once.
 * @throws SW_IMPORT_UNREADABLE
 */
export async function readClientConfigs(sources: readonly ImportSource[], surroundings: Surroundings): Promise<Import> {
  const collector: Collector = { surroundings, variables: new Variables(), servers: [], skipped: [], taken: new Set() };
  const files: string[] = [];
  for (const { file, format } of sources) {
    const path = resolve(surroundings.cwd, file);
    if (format === 'toml' || path.endsWith('.toml')) {
      collector.skipped.push({ source: path, reason: 'TOML is not read; write its servers into mcpServers by hand' });
      continue;
    }
    files.push(path);
    collectFrom(parseJsonc(await readText(path), path), path, collector);
  }
  const { servers, skipped, variables } = collector;
  return { files, servers, skipped, variables: variables.all };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw fail('SW_IMPORT_UNREADABLE', { file: path, reason: reasonOf(cause) }, cause);
  }
}

function collectFrom(document: unknown, source: string, collector: Collector): void {
  const { surroundings, variables, servers, skipped, taken } = collector;
  const common = {
    inputs: inputsOf(document),
    workspace: workspaceOf(source),
    home: surroundings.home,
  };
  for (const [name, entry] of entriesOf(document, surroundings.cwd)) {
    const mark = fingerprint(name, entry, common);
    if (taken.has(mark)) {
      skipped.push({ name, source, reason: 'it was found before, with the same settings' });
      continue;
    }
    const id = providerId(name, new Set(servers.map((server) => server.id)));
    const normalised = normalise(entry, { ...common, server: id, variables });
    if (normalised.kind === 'skipped') skipped.push({ name, source, reason: normalised.reason });
    else {
      taken.add(mark);
      servers.push({ id, name, source, definition: normalised.definition, notes: normalised.notes });
    }
  }
}

/** Equal for entries that mean the same in different shapes; different when only a secret differs. */
function fingerprint(name: string, entry: unknown, common: Omit<ReferenceContext, 'server' | 'variables'>): string {
  const variables = new Variables();
  const normalised = normalise(entry, { ...common, server: 'same', variables });
  return createHash('sha256')
    .update(JSON.stringify([name, normalised, variables.all]))
    .digest('hex');
}

/** `mcpServers` (most clients), `servers` (VS Code), `context_servers` (Zed), and Claude Code's block per project. */
function entriesOf(document: unknown, cwd: string): [string, unknown][] {
  if (!isRecord(document)) return [];
  const projects = document['projects'];
  const project = isRecord(projects) ? projects[cwd] : undefined;
  const blocks = [
    document['mcpServers'],
    document['servers'],
    document['context_servers'],
    isRecord(document['mcp']) ? document['mcp']['servers'] : undefined,
    isRecord(project) ? project['mcpServers'] : undefined,
  ];
  return blocks.filter(isRecord).flatMap((block) => Object.entries(block));
}

/** VS Code asks for these; we say what to set. */
function inputsOf(document: unknown): Map<string, string> {
  const inputs = isRecord(document) && Array.isArray(document['inputs']) ? (document['inputs'] as unknown[]) : [];
  return new Map(
    inputs
      .filter(isRecord)
      .map(({ id, description }) => [String(id), typeof description === 'string' ? description : '']),
  );
}
