/** Shorter values are too common in ordinary text to be looked for. */
const minLength = 6;

const shown = '[secret]';

/** Secrets that this process holds, so that text which repeats one can be cleaned before it is kept. */
export class KnownSecrets {
  readonly #values = new Set<string>();
  #pattern: RegExp | undefined;

  /** Values shorter than 6 characters are not looked for. Of `Bearer x` the credential counts, not the scheme. */
  add(value: string): void {
    const credential = /^(?:bearer|basic|token) +(\S+)$/i.exec(value)?.[1] ?? value;
    if (credential.length < minLength || this.#values.has(credential)) return;
    this.#values.add(credential);
    this.#pattern = undefined;
  }

  /** The text with every known secret replaced by `[secret]`. */
  mask(text: string): string {
    if (this.#values.size === 0 || text.length < minLength) return text;
    this.#pattern ??= patternOf(this.#values);
    return text.replace(this.#pattern, shown);
  }
}

/** Longest first, so that of two where one begins with the other nothing is left over. */
const patternOf = (values: ReadonlySet<string>): RegExp =>
  new RegExp(
    [...values]
      .sort((a, b) => b.length - a.length)
      .map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      .join('|'),
    'g',
  );
