import { z } from 'zod';
import { fail } from '#kernel/errors/index.js';

/** The part of a query that every list takes. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Items on a page.'),
  cursor: z.string().min(1).max(200).optional().describe('`nextCursor` of the page before.'),
};

/** The answer of every list: `nextCursor` is absent on the last page. */
export const pageOf = (item: z.ZodType) => z.strictObject({ items: z.array(item), nextCursor: z.string().optional() });

/**
 * One page of what is in memory, in its order; a cursor is the id of the last item that was shown.
 * @throws SW_CURSOR_INVALID
 */
export function pageFrom<Item extends { readonly id: string }>(
  items: readonly Item[],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): { items: Item[]; nextCursor?: string } {
  const last = cursor === undefined ? -1 : items.findIndex(({ id }) => id === cursor);
  if (cursor !== undefined && last < 0) throw fail('SW_CURSOR_INVALID');
  const page = items.slice(last + 1, last + 1 + limit);
  const end = page.at(-1);
  return end === undefined || end === items.at(-1) ? { items: page } : { items: page, nextCursor: end.id };
}
