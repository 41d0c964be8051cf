import pc from 'picocolors';

/** Where a command writes: results to stdout, everything else to stderr. */
export class Terminal {
  /** True: stdout carries JSON and nothing else. */
  readonly json: boolean;
  /** Colours, which do nothing where nobody sees them. */
  readonly paint: ReturnType<typeof pc.createColors>;

  constructor(json: boolean) {
    this.json = json;
    this.paint = pc.createColors(pc.isColorSupported && process.stdout.isTTY && !json);
  }

  /** Text for people, on stdout; nothing with `--json`. */
  print(text: string): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** Progress and remarks for people, on stderr; nothing with `--json`. */
  note(text: string): void {
    if (!this.json) process.stderr.write(`${text}\n`);
  }

  /** What the command was asked for: one JSON document with `--json`, else what `human` returns. */
  result(value: unknown, human: () => string): void {
    process.stdout.write(`${this.json ? JSON.stringify(value, undefined, 2) : human()}\n`);
  }

  /** One JSON value on one line, for commands that go on. */
  event(value: unknown): void {
    process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** A table without lines, as wide as its content. */
  async table(head: readonly string[], rows: readonly (readonly string[])[]): Promise<string> {
    const { default: Table } = await import('cli-table3');
    const table = new Table({
      head: head.map((title) => this.paint.dim(title)),
      chars: noLines,
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    });
    table.push(...rows.map((row) => [...row]));
    return table
      .toString()
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n');
  }
}

const noLines = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((part) => [part, '']),
);

/**
 * Text of a server made safe to show on a terminal: no control characters but line breaks and tabs, so that a
 * description cannot move the cursor or fake a prompt.
 */
export const visible = (text: string): string => text.replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, '\ufffd');
