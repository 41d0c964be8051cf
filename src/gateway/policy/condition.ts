import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import type { Principal } from '#kernel/context/index.js';
import { fail, reasonOf } from '#kernel/errors/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import type { Facts, Subject } from './subject.js';

/** `open`: it depends on what is not known yet (a list has no arguments). `failed`: it could not be evaluated. */
export type Verdict = 'true' | 'false' | 'open' | 'failed';

/** A compiled `when`. */
export interface Condition {
  /** Members of the claims that it reads. */
  readonly claims: ReadonlySet<string>;
  /** True where it reads who calls, so that rights differ by person. */
  readonly readsPrincipal: boolean;
  /** Kinds of subjects that have what it reads: only tools have annotations, resources have no arguments. */
  concerns(subject: Subject): boolean;
  /** @param facts of a call; undefined for the question of a list */
  verdict(principal: Principal, subject: Subject, facts: Facts | undefined, now: number): Verdict;
}

/** Characters of one expression. */
const maxLength = 1000;
const limits = { maxAstNodes: 200, maxDepth: 20, maxListElements: 100, maxMapEntries: 20, maxCallArguments: 8 };
/** What one evaluation may look at in the arguments it reads: values and characters. */
const maxValues = 1000;
const maxCharacters = 65_536;

const environment = new Environment({ limits })
  .registerVariable('args', 'map')
  .registerVariable('claims', 'map')
  .registerVariable('provider', 'string')
  .registerVariable('name', 'string')
  .registerVariable('time', 'google.protobuf.Timestamp')
  .registerVariable({
    name: 'principal',
    schema: { id: 'string', kind: 'string', name: 'string', roles: 'list<string>', scopes: 'list<string>' },
  })
  .registerVariable({
    name: 'tool',
    schema: {
      annotations: {
        title: 'string',
        readOnlyHint: 'bool',
        destructiveHint: 'bool',
        idempotentHint: 'bool',
        openWorldHint: 'bool',
      },
    },
  });

/** Loops, at most one inside an expression: work is bounded by its size times the values that it may look at. */
const loops = new Set(['all', 'exists', 'exists_one']);
/** Linear in what they read. No regular expressions: theirs are not. */
const functions = new Set([
  ...['has', 'size', 'int', 'uint', 'double', 'string', 'bool', 'timestamp', 'duration', 'dyn', 'type'],
  ...['contains', 'startsWith', 'endsWith', 'lowerAscii', 'upperAscii', 'trim'],
  ...['getFullYear', 'getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getHours', 'getMinutes', 'getSeconds'],
]);

/**
 * Compiles a condition in CEL. It yields a boolean and reads `tool.annotations`, `args`, `claims`, `principal`,
 * `provider`, `name` and `time`, nothing else.
 * @param place where it is written, such as `access[2].when`
 * @throws SW_CONFIG_INVALID for what is not CEL, not known, of a wrong type, or beyond the bounds
 */
export function compileCondition(text: string, place: string): Condition {
  const invalid = (reason: string, cause?: unknown) =>
    fail('SW_CONFIG_INVALID', { reason: `${place}: ${reason}` }, cause);
  if (text.length > maxLength) throw invalid(`a condition has at most ${maxLength} characters`);
  const evaluate = parse(text, invalid);
  const reads = new Reads(evaluate.ast, invalid);
  return {
    claims: reads.membersOf('claims'),
    readsPrincipal: reads.has('principal'),
    concerns: ({ kind }) => (reads.has('tool') ? kind === 'tool' : !reads.has('args') || kind !== 'resource'),
    verdict(principal, subject, facts, now) {
      if (reads.has('args') && facts?.args === undefined) return 'open';
      if (reads.has('time') && facts === undefined) return 'open';
      if (reads.has('tool') && subject.tool === undefined) return 'open';
      const args = facts?.args ?? {};
      if (reads.has('args') && !isWithin(args, reads.membersOf('args'))) return 'failed';
      try {
        const value: unknown = evaluate({
          args,
          claims: principal.claims ?? {},
          provider: subject.provider,
          name: subject.name,
          time: new Date(now),
          principal: whoOf(principal),
          tool: reads.has('tool') ? { annotations: annotationsOf(subject.tool) } : undefined,
        });
        return value === true ? 'true' : value === false ? 'false' : 'failed';
      } catch {
        // A missing argument, a wrong type: the rule decides what that means, and it is counted there.
        return 'failed';
      }
    },
  };
}

function parse(text: string, invalid: (reason: string, cause?: unknown) => Error) {
  try {
    const evaluate = environment.parse(text);
    const checked = evaluate.check();
    if (!checked.valid) throw checked.error ?? invalid('its types do not fit');
    if (checked.type !== 'bool' && checked.type !== 'dyn') throw invalid(`it yields ${checked.type}, not a bool`);
    return evaluate;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'SW_CONFIG_INVALID') throw error;
    // The library draws the place under the expression; the sentence goes on one line.
    throw invalid(reasonOf(error).replace(/\s+/g, ' '), error);
  }
}

/** What an expression reads, found without evaluating it; refuses what is not bounded. */
class Reads {
  readonly #members = new Map<string, Set<string>>();
  readonly #invalid: (reason: string) => Error;

  constructor(ast: ASTNode, invalid: (reason: string) => Error) {
    this.#invalid = invalid;
    this.#walk(ast, false);
  }

  has(variable: string): boolean {
    return this.#members.has(variable);
  }

  /** Names of the members that it reads; `*` stands for all of them. */
  membersOf(variable: string): ReadonlySet<string> {
    return this.#members.get(variable) ?? new Set();
  }

  #walk(node: unknown, isLooping: boolean): void {
    if (Array.isArray(node)) for (const each of node) this.#walk(each, isLooping);
    if (!isNode(node)) return;
    const { op, args } = node;
    if (op === 'id') this.#note(String(args), '*');
    else if (op === 'value') return;
    else if ((op === '.' || op === '[]') && Array.isArray(args)) this.#walkMember(args, isLooping);
    else if ((op === 'call' || op === 'rcall') && Array.isArray(args)) this.#walkCall(args, isLooping);
    else this.#walk(args, isLooping);
  }

  #walkMember([owner, member]: unknown[], isLooping: boolean): void {
    const name = isNode(member) ? (member.op === 'value' ? member.args : undefined) : member;
    if (isNode(owner) && owner.op === 'id' && typeof name === 'string') this.#note(String(owner.args), name);
    else {
      this.#walk(owner, isLooping);
      this.#walk(member, isLooping);
    }
  }

  #walkCall([name, ...rest]: unknown[], isLooping: boolean): void {
    const isLoop = loops.has(String(name));
    if (isLoop && isLooping) throw this.#invalid(`${String(name)} inside another loop is not allowed`);
    if (!isLoop && !functions.has(String(name)))
      throw this.#invalid(
        `${String(name)} is not available; there are ${[...functions].join(', ')}, ${[...loops].join(', ')}`,
      );
    this.#walk(rest, isLooping || isLoop);
  }

  #note(variable: string, member: string): void {
    const known = this.#members.get(variable);
    if (known) known.add(member);
    else this.#members.set(variable, new Set([member]));
  }
}

const isNode = (value: unknown): value is { readonly op: string; readonly args: unknown } =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value;

/** Whether the arguments that are read stay within the budget. */
function isWithin(args: JsonObject, members: ReadonlySet<string>): boolean {
  const left = { values: maxValues, characters: maxCharacters };
  if (members.has('*')) return spend(args, left);
  for (const member of members) if (Object.hasOwn(args, member) && !spend(args[member], left)) return false;
  return true;
}

function spend(value: unknown, left: { values: number; characters: number }): boolean {
  if (--left.values < 0) return false;
  if (typeof value === 'string') return (left.characters -= value.length) >= 0;
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every((item) => spend(item, left));
  return Object.entries(value).every(([name, item]) => (left.characters -= name.length) >= 0 && spend(item, left));
}

const whoOf = ({ id, kind, name, roles, scopes = [] }: Principal) => ({ id, kind, name, roles, scopes });

/** What a tool does not say is what the protocol assumes: the worst. */
function annotationsOf(tool: JsonObject | undefined) {
  const given = (tool?.['annotations'] ?? {}) as JsonObject;
  const flag = (name: string, standard: boolean) => (typeof given[name] === 'boolean' ? given[name] : standard);
  return {
    title: typeof given['title'] === 'string' ? given['title'] : '',
    readOnlyHint: flag('readOnlyHint', false),
    destructiveHint: flag('destructiveHint', true),
    idempotentHint: flag('idempotentHint', false),
    openWorldHint: flag('openWorldHint', true),
  };
}
