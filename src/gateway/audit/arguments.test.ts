import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KnownSecrets } from '#kernel/secrets/index.js';
import { keptArguments } from './arguments.js';

const secrets = new KnownSecrets();
secrets.add('Bearer planted-credential');

describe('the kept form of arguments', () => {
  it('is their shape', () => {
    const given = { text: 'four', n: 1, yes: true, none: null, list: [1, 2], deep: { a: { b: { c: { d: 1 } } } } };
    expect(keptArguments(given, 'shape', secrets)).toEqual({
      text: 'string(4)',
      n: 'number',
      yes: 'boolean',
      none: 'null',
      list: 'array(2)',
      deep: { a: { b: { c: 'object(1)' } } },
    });
  });

  it('is their values with secrets masked', () => {
    const given = {
      query: 'find planted-credential now',
      apiKey: 'anything',
      nested: [{ password: { even: 'deep' } }],
      token: 'ghp_0123456789abcdefghij',
      note: 'use ghp_0123456789abcdefghij please',
    };
    expect(keptArguments(given, 'redacted', secrets)).toEqual({
      query: 'find [secret] now',
      apiKey: '[secret]',
      nested: [{ password: '[secret]' }],
      token: '[secret]',
      note: 'use [secret] please',
    });
  });

  it('is nothing where nothing is wanted', () => {
    expect(keptArguments({ a: 1 }, 'none', secrets)).toBeUndefined();
  });

  it('is bounded, and never holds a known secret, whatever a client sends', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string().map((noise) => `${noise}planted-credential${noise}`),
    );
    const json = fc.letrec((tie) => ({
      value: fc.oneof(text, fc.integer(), fc.array(tie('value')), fc.dictionary(text, tie('value'))),
    })).value;
    fc.assert(
      fc.property(fc.dictionary(text, json), fc.constantFrom('shape' as const, 'redacted' as const), (given, mode) => {
        expect(JSON.stringify(keptArguments(given, mode, secrets))).not.toContain('planted-credential');
      }),
      { numRuns: 300 },
    );
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`name${i}`, 'x'.repeat(1000)]));
    expect(JSON.stringify(keptArguments(many, 'redacted', secrets)).length).toBeLessThan(10_000);
  });
});
