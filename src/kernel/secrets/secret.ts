import { inspect } from 'node:util';

const shown = '[secret]';

/** A value that refuses to be printed, logged or serialised: everything but `reveal()` yields `[secret]`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it where the value is used, never to keep it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return shown;
  }
  toJSON(): string {
    return shown;
  }
  [Symbol.toPrimitive](): string {
    return shown;
  }
  [inspect.custom](): string {
    return shown;
  }
}
