import { z } from 'zod';
import { unwrap } from './schema-tree.js';

/** The value that a text stands for, or what it should have been. */
export type Coerced =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly expected: string };

const words: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

/** Reads the text of an environment variable or a flag as the type of its field; ranges are the schema's business. */
export function coerceText(schema: z.ZodType, text: string): Coerced {
  const { bare } = unwrap(schema);
  const trimmed = text.trim();
  if (bare instanceof z.ZodNumber) {
    const isWhole = bare.format === 'safeint';
    const pattern = isWhole ? /^[+-]?\d+$/ : /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
    if (pattern.test(trimmed)) return { ok: true, value: Number(trimmed) };
    return { ok: false, expected: isWhole ? 'a whole number' : 'a number' };
  }
  if (bare instanceof z.ZodBoolean) {
    const value = words[trimmed.toLowerCase()];
    return value === undefined ? { ok: false, expected: 'true or false' } : { ok: true, value };
  }
  if (bare instanceof z.ZodArray) return coerceList(bare.element as z.ZodType, trimmed);
  if (bare instanceof z.ZodString || bare instanceof z.ZodEnum) return { ok: true, value: text };
  return parseJson(trimmed, 'JSON');
}

function coerceList(item: z.ZodType, text: string): Coerced {
  if (text.startsWith('[')) return parseJson(text, 'a JSON array or words separated by commas');
  const items = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => coerceText(item, part));
  const wrong = items.find((coerced) => !coerced.ok);
  if (wrong) return { ok: false, expected: `a list, each ${wrong.expected}` };
  return { ok: true, value: items.map((coerced) => (coerced.ok ? coerced.value : undefined)) };
}

function parseJson(text: string, expected: string): Coerced {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return { ok: false, expected };
  }
}
