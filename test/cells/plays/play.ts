import { type ClientCapabilities } from '@modelcontextprotocol/client';
import { type CellClient } from '../cell-client.js';
import { type ClientTransport, type Scenario } from '../dimensions.js';
import { type Rig } from '../rig.js';

/** What a scenario has to work with. */
export interface Stage {
  /** The client that all scenarios of a cell share; every capability is declared. */
  readonly client: CellClient;
  readonly transport: ClientTransport;
  readonly rig: Rig;
  /** Another client of the same kind, closed at the end of the scenario. */
  another(capabilities?: ClientCapabilities): Promise<CellClient>;
}

/** Does what the scenario says and reports what the client got, in one line. Never the family's business: the table's. */
export type Play = (stage: Stage) => Promise<string>;
export type Plays<Name extends Scenario> = Readonly<Record<Name, Play>>;

interface Told {
  readonly isError?: boolean | undefined;
  readonly content?: unknown;
}

/** A tool result in one line. */
export function told({ isError, content }: Told): string {
  const [block] = Array.isArray(content) ? (content as { text?: string }[]) : [];
  return `${isError === true ? 'isError' : 'text'} ${block?.text ?? JSON.stringify(content)}`;
}

/** What went wrong, in one line: the code and what the data says beyond our own explanation. */
export function refused(error: { readonly code?: unknown; readonly data?: unknown } | undefined): string {
  const { code, requestId: _id, hint: _hint, ...data } = (error?.data ?? {}) as Record<string, unknown>;
  const number = Number(error?.code);
  // A code of our own is told by its name; its details may grow.
  if (number <= -31_000 && number > -32_000) return `error ${String(code)}`;
  const shown = Object.keys(data).length > 0 ? ` ${JSON.stringify(data)}` : '';
  return `error ${number}${shown}`;
}

/** The outcome of a request through the SDK, which throws what the server refused. */
export async function outcome<Result>(asking: Promise<Result>, show: (result: Result) => string): Promise<string> {
  try {
    return show(await asking);
  } catch (error) {
    return error instanceof Error && 'code' in error ? refused(error) : String(error);
  }
}

/** The outcome of a request past the SDK: status where there is one, then error or result. */
export function shown({ status, message }: Awaited<ReturnType<CellClient['raw']>>): string {
  const answer = message?.error ? refused(message.error) : `result ${JSON.stringify(message?.result)}`;
  return status === undefined ? answer : `${status} ${answer}`;
}
