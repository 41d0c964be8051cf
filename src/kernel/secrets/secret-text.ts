/** Words at the end of a name (of a variable, header, option or query parameter) whose value is a secret. */
const secretWords = new Set(
  'token secret password passwd passphrase pwd pass pat key apikey credential credentials auth authorization cookie dsn'.split(
    ' ',
  ),
);

/** True when a name says that its value is a secret: `GITHUB_TOKEN`, `x-api-key`, `--dbPassword`. */
export function namesSecret(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  return secretWords.has(words.at(-1) ?? '') || /(?:^|-)connection-string$/.test(words.join('-'));
}

/** How the keys of well-known services begin. */
const knownToken =
  /^(?:sk-|pk_live_|rk_live_|sk_live_|sk_test_|gh[opsur]_|github_pat_|glpat-|xox[abeprs]-|xapp-|AKIA|ASIA|AIza|ya29\.|npm_|hf_|SG\.|swk_|lin_api_|ntn_|figd_|dop_v1_|-----BEGIN )|^eyJ[\w-]+\.eyJ/;

/** True for text that is a secret by itself, whatever its name: a known kind of key, or long and random. */
export function looksSecret(text: string): boolean {
  if (knownToken.test(text)) return true;
  return /^[\w+=.~-]{32,}$/.test(text) && /\d/.test(text) && /[A-Za-z]/.test(text) && entropy(text) > 3.5;
}

/** The password in `scheme://user:password@host`, if there is one. */
export const urlPassword = (text: string): string | undefined =>
  /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:([^/\s@]+)@/i.exec(text)?.[1];

/** Bits per character: English words have less than 3, random base64 nearly 6. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log2(n / text.length), 0);
}
