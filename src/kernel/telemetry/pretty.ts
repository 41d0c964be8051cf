import pc from 'picocolors';

/** What pino itself writes; all other members are the caller's fields. */
interface PinoLine {
  readonly time: string;
  readonly level: string;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

const ownMembers: ReadonlySet<string> = new Set(['time', 'level', 'msg']);

const paint: Readonly<Record<string, (text: string) => string>> = {
  debug: pc.gray,
  info: pc.green,
  warn: pc.yellow,
  error: pc.red,
};

/**
 * One JSON log line as one line for people: `12:00:01.250 WARN  message  key=value`. Control characters are escaped,
 * so that what a client sends can neither start a line of its own nor move the cursor of a terminal.
 */
export function prettyLine(json: string, colour: boolean): string {
  const line = JSON.parse(json) as PinoLine;
  const { level, time, msg = '' } = line;
  const word = level.toUpperCase().padEnd(5);
  const parts = [time.slice(11, 23), colour ? (paint[level] ?? String)(word) : word, visible(msg)];
  const fields = Object.keys(line)
    .filter((key) => !ownMembers.has(key))
    .map((key) => `${visible(key)}=${shown(line[key])}`);
  return `${parts.join(' ')}${fields.length > 0 ? `  ${fields.join(' ')}` : ''}\n`;
}

function shown(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value;
  return visible(JSON.stringify(value));
}

function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
