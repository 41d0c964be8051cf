import { fail } from '#kernel/errors/index.js';

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `30m`, `12h`, `30d`, `52w` in milliseconds. @throws SW_USAGE, which names `option` */
export function durationMs(option: string, text: string): number {
  const [, count, unit] = /^([1-9]\d{0,5})([mhdw])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined)
    throw fail('SW_USAGE', { reason: `${option} takes a number and m, h, d or w, such as 30d, not "${text}".` });
  return Number(count) * (unitMs[unit] as number);
}
