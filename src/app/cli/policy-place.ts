import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';

/** The line of the file, from 1, where a rule such as `access[2].allow[0]` stands. */
export type LineOf = (place: string) => number | undefined;

/** @param file undefined where the embedded default is in force: then no rule has a line */
export function linesOf(file: string | undefined): LineOf {
  if (file === undefined) return () => undefined;
  const counter = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: counter });
  return (place) => {
    const path = place.match(/[^.[\]]+/g)?.map((part) => (/^\d+$/.test(part) ? Number(part) : part)) ?? [];
    const node: unknown = document.getIn(path, true);
    const start = (node as { readonly range?: readonly number[] } | undefined)?.range?.[0];
    return start === undefined ? undefined : counter.linePos(start).line;
  };
}
