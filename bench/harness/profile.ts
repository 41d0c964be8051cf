import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inspector } from './inspector.js';
import { projectRoot } from './paths.js';
import type { ServerProcess } from './server-process.js';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function placeOf({ callFrame }: ProfileNode): string {
  const name = callFrame.functionName === '' ? '(anonymous)' : callFrame.functionName;
  if (callFrame.url === '') return name;
  return `${name} ${callFrame.url.replace(`file://${projectRoot}/`, '')}:${callFrame.lineNumber + 1}`;
}

/** Shares of all time that was not idle, by place: in the function itself, and with all that it called. */
function sharesOf(profile: CpuProfile): { self: Map<string, number>; total: Map<string, number> } {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const own = new Map<number, number>();
  for (const [index, id] of profile.samples.entries()) {
    own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0));
  }
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  const add = (map: Map<string, number>, place: string, time: number): void => {
    map.set(place, (map.get(place) ?? 0) + time);
  };
  /** Counts a subtree and returns its time. A place that is already on the stack has been counted with its caller. */
  const walk = (node: ProfileNode, stack: readonly string[]): number => {
    const place = placeOf(node);
    if (place === '(idle)') return 0;
    const inner = [...stack, place];
    let time = own.get(node.id) ?? 0;
    add(self, place, time);
    for (const id of node.children ?? []) {
      const child = nodes.get(id);
      if (child !== undefined) time += walk(child, inner);
    }
    if (!stack.includes(place)) add(total, place, time);
    return time;
  };
  const root = profile.nodes[0];
  const all = root === undefined ? 1 : walk(root, []);
  for (const map of [self, total]) for (const [place, time] of map) map.set(place, time / all);
  return { self, total };
}

function table(title: string, shares: ReadonlyMap<string, number>, rows: number): string[] {
  const top = [...shares].sort(([, a], [, b]) => b - a).slice(0, rows);
  return [title, ...top.map(([place, share]) => `${(share * 100).toFixed(1).padStart(6)} %  ${place}`)];
}

/** Profiles the program from the moment it listens, so that its start is not in the picture. */
export class Profiling {
  readonly #attached: Inspector[] = [];

  async attach(server: ServerProcess): Promise<void> {
    const inspector = await Inspector.attach(server);
    await inspector.call('Profiler.enable');
    await inspector.call('Profiler.setSamplingInterval', { interval: 250 });
    await inspector.call('Profiler.start');
    this.#attached.push(inspector);
  }

  /**
   * Ends all profiles, keeps each as `NAME-N.cpuprofile` in the folder (for the browser's developer tools), and returns
   * tables of the functions of the program that cost most.
   */
  async take(folder: string, name: string): Promise<string[]> {
    const lines: string[] = [];
    for (const [index, inspector] of this.#attached.splice(0).entries()) {
      const { profile } = (await inspector.call('Profiler.stop')) as { profile: CpuProfile };
      inspector.close();
      writeFileSync(join(folder, `${name}-${index}.cpuprofile`), JSON.stringify(profile));
      const { self, total } = sharesOf(profile);
      const ours = new Map([...total].filter(([place]) => place.includes('dist/')));
      lines.push(...table(`${name}-${index}: by itself`, self, 30), ...table('with all it called', ours, 40));
    }
    return lines;
  }
}
