import { createHash } from 'node:crypto';

/** Clients and models accept at most this many characters in a name. */
export const maxNameLength = 64;

/** The name under which `/mcp` shows an item: `provider__name`, cut the same way every time where it is too long. */
export function prefixedName(provider: string, name: string): string {
  const whole = `${provider}__${name}`;
  if (whole.length <= maxNameLength) return whole;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  return `${whole.slice(0, maxNameLength - 9)}_${digest}`;
}

/** The URI under which `/mcp` shows a resource that two providers offer: `provider+uri`, still a valid URI. */
export const prefixedUri = (provider: string, uri: string): string => `${provider}+${uri}`;

/** Splits `provider+uri` where the provider is one of `providers`. */
export function splitUri(uri: string, providers: ReadonlySet<string>): { provider: string; uri: string } | undefined {
  const plus = uri.indexOf('+');
  const provider = plus > 0 ? uri.slice(0, plus) : '';
  return providers.has(provider) ? { provider, uri: uri.slice(plus + 1) } : undefined;
}
