const maxLength = 32;

/**
 * Makes a name fit `^[a-z0-9][a-z0-9-]{0,31}$`, different from those taken: `My Server` becomes `my-server`, a second
 * one `my-server-2`.
 */
export function providerId(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const base = plain === '' ? 'server' : cut(plain, maxLength);
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '' : `-${number}`;
    const id = `${cut(base, maxLength - suffix.length)}${suffix}`;
    if (!taken.has(id)) return id;
  }
}

const cut = (text: string, length: number): string => text.slice(0, length).replace(/-+$/, '');
