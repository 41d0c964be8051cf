import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from 'yaml';
import { isPlainObject, type Path } from './schema-tree.js';
import type { ConfigProblem } from './problem.js';

/** A parsed file that still knows where things stood. */
export interface SourceText {
  readonly tree: Record<string, unknown>;
  /** Line (from 1) of the name at that path, or of the nearest one above it that exists. */
  lineOf(path: Path): number | undefined;
}

/** Reads YAML, JSON, or JSON with comments and trailing commas. The problems are those of the syntax. */
export function parseSource(text: string): SourceText | readonly ConfigProblem[] {
  const lines = new LineCounter();
  const document = parseDocument(blankJsonComments(text), {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
  });
  if (document.errors.length > 0) {
    return document.errors.map((error) => ({
      path: '',
      line: lines.linePos(error.pos[0]).line,
      message: error.message.split('\n')[0] ?? error.message,
      hint: 'Correct the YAML or JSON at that line.',
    }));
  }
  // toJS follows aliases at most a hundred times, so a file cannot blow up in memory.
  const content: unknown = document.toJS() ?? {};
  if (!isPlainObject(content)) {
    return [
      {
        path: '',
        line: 1,
        message: 'The file must hold an object of settings.',
        hint: 'Begin with a name such as server:',
      },
    ];
  }
  // Editors read this name to find the schema; it is no setting.
  delete content['$schema'];
  return { tree: content, lineOf: (path) => lineOf(document.contents, path, lines) };
}

function lineOf(root: Node | null, path: Path, lines: LineCounter): number | undefined {
  let node: unknown = root;
  let offset: number | undefined;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

/**
 * Replaces the comments and tabs of JSON by spaces, outside of strings, so that YAML can read it and lines stay where
 * they are. Text that does not begin like JSON is left alone. `//` after a colon is kept: it belongs to a bare address.
 */
function blankJsonComments(text: string): string {
  if (!/^\s*(?:\{|\/\/|\/\*)/.test(text)) return text;
  const token = /"(?:[^"\\]|\\.)*"|(?<!:)\/\/[^\n]*|\/\*[\s\S]*?\*\/|\t/g;
  return text.replace(token, (found) => (found.startsWith('"') ? found : found.replace(/[^\n\r]/g, ' ')));
}
