import { isSecretReference, looksSecret, namesSecret, urlPassword } from '#kernel/secrets/index.js';
import type { Variables } from './variables.js';

/** Replaces secrets in the settings of one server by references. */
export class Concealer {
  readonly #server: string;
  readonly #variables: Variables;

  constructor(server: string, variables: Variables) {
    this.#server = server;
    this.#variables = variables;
  }

  /** The value of a variable for the program. */
  env(name: string, value: string): string {
    if (isReference(value)) return value;
    if (isSecretValue(name, value)) return this.#hide(value, name);
    return this.#urlSecrets(value);
  }

  /** The value of a header; `Bearer`, `Basic` and the like stay readable. */
  header(name: string, value: string): string {
    if (isReference(value)) return value;
    const [, scheme = '', rest = value] = /^((?:Bearer|Basic|Token|ApiKey) +)(\S.*)$/i.exec(value) ?? [];
    if (scheme === '' && !isSecretValue(name, value)) return value;
    const wanted = /^(?:proxy-)?authorization$/i.test(name) ? 'token' : name.replace(/^x-/i, '');
    return `${scheme}${this.#hide(rest, this.#own(wanted))}`;
  }

  /** Arguments: `--token VALUE`, `--api-key=VALUE`, `KEY=VALUE`, `Authorization: Bearer VALUE`, URLs, bare keys. */
  args(args: readonly string[]): string[] {
    return args.map((arg, i) => {
      if (isReference(arg)) return arg;
      const [, before] = /^--?([A-Za-z][\w-]*)$/.exec(args[i - 1] ?? '') ?? [];
      if (before !== undefined && !arg.startsWith('-') && isSecretValue(before, arg) && namesSecret(before))
        return this.#hide(arg, this.#own(before));
      return this.#arg(arg);
    });
  }

  /** The password, secret query parameters and keys in the path of an address. */
  url(url: string): string {
    return this.#urlSecrets(url)
      .replace(/([?&])([^=&#]+)=([^&#]+)/g, (whole, mark: string, name: string, value: string) =>
        isReference(value) || !isSecretValue(name, value)
          ? whole
          : `${mark}${name}=${this.#hide(value, this.#own(name))}`,
      )
      .replace(/(?<=\/)[^/?#]+(?=[/?#]|$)/g, (segment) =>
        looksSecret(segment) && !segment.includes('.') ? this.#hide(segment, this.#own('key')) : segment,
      );
  }

  #arg(arg: string): string {
    const [, option, optionValue] = /^--?([A-Za-z][\w-]*)=(.+)$/s.exec(arg) ?? [];
    if (option !== undefined && optionValue !== undefined && isSecretValue(option, optionValue))
      return `${arg.slice(0, -optionValue.length)}${this.#hide(optionValue, this.#own(option))}`;
    const [, variable, value] = /^([A-Z][A-Z0-9_]*)=(.+)$/s.exec(arg) ?? [];
    if (variable !== undefined && value !== undefined) return `${variable}=${this.env(variable, value)}`;
    const [, header, gap = '', headerValue] = /^([A-Za-z][\w-]*)(: *)(?!\/\/)(\S.*)$/.exec(arg) ?? [];
    if (header !== undefined && headerValue !== undefined && namesSecret(header))
      return `${header}${gap}${this.header(header, headerValue)}`;
    if (looksSecret(arg)) return this.#hide(arg, this.#own('key'));
    return /^https?:\/\//i.test(arg) ? this.url(arg) : this.#urlSecrets(arg);
  }

  #urlSecrets(text: string): string {
    const password = urlPassword(text);
    if (password === undefined || isReference(password)) return text;
    return text.replace(`:${password}@`, () => `:${this.#hide(password, this.#own('password'))}@`);
  }

  #own = (what: string): string =>
    `${this.#server}-${what.replace(/^-+/, '')}`.toUpperCase().replace(/[^A-Z0-9]+/g, '_');
  #hide = (literal: string, wanted: string): string => this.#variables.conceal(literal, wanted, this.#server);
}

const isReference = (text: string): boolean => text.includes('${') || isSecretReference(text);

const isSecretValue = (name: string, value: string): boolean =>
  value !== '' && ((namesSecret(name) && !/^(?:true|false)$/i.test(value) && !isPath(value)) || looksSecret(value));

/** `--key ./server.pem` names a file; a long random word in it would be a secret after all. */
const isPath = (text: string): boolean =>
  /^(?:~|\.{0,2})\/[\w./ -]+$/.test(text) &&
  !text.split('/').some((part) => part.length >= 16 && /[A-Z]/.test(part) && /[a-z]/.test(part) && /\d/.test(part));
