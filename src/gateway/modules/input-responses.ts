import type { z } from 'zod';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { JsonObject } from '#protocol/model/index.js';

/** The answer to an elicitation. `content` is present when a form was accepted. */
export type ElicitResponse = { action: 'accept' | 'decline' | 'cancel'; content?: JsonObject };

/** The answer of a model. */
export type SampleResponse = { role: 'user' | 'assistant'; content: unknown; model: string; stopReason?: string };

/** A directory the client works in. */
export type Root = { uri: string; name?: string };

const actions: readonly unknown[] = ['accept', 'decline', 'cancel'];

/**
 * The client's answers of this round by key. Every accessor checks the shape first: an answer that is absent or
 * malformed reads as undefined, and the tool asks again.
 */
export class InputResponses {
  readonly #answers: JsonObject;

  constructor(answers: JsonObject = {}) {
    this.#answers = answers;
  }

  /** True where the client sent anything under this key. */
  has(key: string): boolean {
    return Object.hasOwn(this.#answers, key);
  }

  elicited(key: string): ElicitResponse | undefined {
    const answer = this.#object(key);
    if (!answer || !actions.includes(answer['action'])) return undefined;
    const content = answer['content'];
    if (content !== undefined && content !== null && !isObject(content)) return undefined;
    const action = answer['action'] as ElicitResponse['action'];
    return isObject(content) ? { action, content } : { action };
  }

  /** What the user filled in, where it fits the schema; undefined where it does not or the user did not accept. */
  accepted<Form extends z.ZodType>(key: string, schema: Form): z.output<Form> | undefined {
    const answer = this.elicited(key);
    if (answer?.action !== 'accept') return undefined;
    const form = schema.safeParse(answer.content ?? {});
    return form.success ? form.data : undefined;
  }

  sampled(key: string): SampleResponse | undefined {
    const answer = this.#object(key);
    if (!answer || typeof answer['model'] !== 'string') return undefined;
    if (answer['role'] !== 'assistant' && answer['role'] !== 'user') return undefined;
    return typeof answer['content'] === 'object' && answer['content'] !== null ? (answer as SampleResponse) : undefined;
  }

  /** The text of a model's answer, its text blocks joined. */
  sampledText(key: string): string | undefined {
    const answer = this.sampled(key);
    if (!answer) return undefined;
    const blocks: unknown[] = Array.isArray(answer.content) ? answer.content : [answer.content];
    const texts = blocks.filter((block) => isObject(block) && block['type'] === 'text') as { text?: unknown }[];
    return texts.map(({ text }) => (typeof text === 'string' ? text : '')).join('');
  }

  roots(key: string): readonly Root[] | undefined {
    const roots = this.#object(key)?.['roots'];
    if (!Array.isArray(roots)) return undefined;
    return roots.every((root) => isObject(root) && typeof root['uri'] === 'string') ? (roots as Root[]) : undefined;
  }

  #object(key: string): JsonObject | undefined {
    const answer = this.has(key) ? this.#answers[key] : undefined;
    return isObject(answer) ? answer : undefined;
  }
}
