import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob, compilePolicy, type AccessRule } from './index.js';

const principal = (...roles: string[]) => ({ id: 'p', kind: 'key', name: 'p', roles }) as const;

/** The plainest thing that could match: one regular expression, every `*` any run of characters. */
const naive = (parts: readonly string[]) =>
  new RegExp(`^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^]*')}$`);

/** Few letters, so that parts overlap and repeat. */
const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '.'), maxLength: 6 });
const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '.'), maxLength: 20 });

describe('patterns', () => {
  it('match what a naive reading matches', () => {
    fc.assert(
      fc.property(fc.array(letters, { minLength: 1, maxLength: 5 }), text, (parts, candidate) => {
        expect(compileGlob(parts.join('*'))(candidate)).toBe(naive(parts).test(candidate));
      }),
      { numRuns: 2000 },
    );
  });

  it('match what they were made from', () => {
    fc.assert(
      fc.property(fc.array(letters, { minLength: 1, maxLength: 5 }), letters, (parts, filling) => {
        expect(compileGlob(parts.join('*'))(parts.join(filling))).toBe(true);
      }),
    );
  });

  it('do not fall for what makes a regular expression explode', () => {
    const started = process.cpuUsage();
    const hostile = 'a'.repeat(100_000);
    expect(compileGlob(`${'a*'.repeat(50)}b`)(hostile)).toBe(false);
    const { user } = process.cpuUsage(started);
    // Naively this does not end in the age of the universe; a generous second is no measure of speed.
    expect(user / 1e6).toBeLessThan(1);
  });

  it('treat everything but the star as itself', () => {
    for (const literal of ['a.c', 'a?c', '[ab]', '(a|b)', '^a$', 'a\\c', '{x}', '.*'.slice(0, 1)]) {
      expect(compileGlob(literal)(literal)).toBe(true);
      expect(compileGlob(literal)('abc')).toBe(false);
    }
  });
});

describe('access rules', () => {
  const admits = (
    rules: readonly AccessRule[],
    roles: readonly string[],
    subject: readonly ['tool' | 'prompt' | 'resource', string, string],
  ) =>
    compilePolicy(rules)
      .rightsOf(principal(...roles))
      .admits(subject[1], subject[0], subject[2]);
  const rules: readonly AccessRule[] = [
    { role: 'reader', allow: ['files:tools/read_*', 'files:resources/file:///public/*', 'git:log'] },
    { role: 'writer', allow: ['files:*'], deny: ['files:tools/delete_*', '*:resources/file:///etc/*'] },
    { role: 'owner', allow: ['*:*'] },
    { role: 'banned', allow: [], deny: ['*:*'] },
  ];
  const cases: readonly (readonly [
    string,
    readonly string[],
    readonly ['tool' | 'prompt' | 'resource', string, string],
    boolean,
  ])[] = [
    ['nobody has nothing', [], ['tool', 'files', 'read_a'], false],
    ['an unknown role has nothing', ['stranger'], ['tool', 'files', 'read_a'], false],
    ['a listed tool', ['reader'], ['tool', 'files', 'read_a'], true],
    ['an unlisted tool', ['reader'], ['tool', 'files', 'write_a'], false],
    ['the same name of another kind', ['reader'], ['prompt', 'files', 'read_a'], false],
    ['the same name of another provider', ['reader'], ['tool', 'other', 'read_a'], false],
    ['a provider that only begins alike', ['reader'], ['tool', 'files2', 'read_a'], false],
    ['another case', ['reader'], ['tool', 'files', 'READ_a'], false],
    ['a pattern without kind, any kind', ['reader'], ['prompt', 'git', 'log'], true],
    ['a URI in the pattern', ['reader'], ['resource', 'files', 'file:///public/a'], true],
    ['a URI outside', ['reader'], ['resource', 'files', 'file:///private/a'], false],
    ['what is denied, whatever allows', ['writer'], ['tool', 'files', 'delete_a'], false],
    ['what another role denies', ['writer', 'owner'], ['tool', 'files', 'delete_a'], false],
    ['two roles together', ['reader', 'writer'], ['tool', 'git', 'log'], true],
    ['everything', ['owner'], ['resource', 'any', 'x:y'], true],
    ['a role that only denies', ['owner', 'banned'], ['tool', 'files', 'read_a'], false],
  ];
  it.each(cases)('%s', (_name, roles, subject, expected) => {
    expect(admits(rules, roles, subject)).toBe(expected);
  });

  it('give the same rights to the same roles, in any order', () => {
    const policy = compilePolicy(rules);
    expect(policy.rightsOf(principal('reader', 'writer'))).toBe(policy.rightsOf(principal('writer', 'reader')));
    expect(policy.rightsOf(principal('reader'))).not.toBe(policy.rightsOf(principal('writer')));
  });

  it('tell which providers are in reach', () => {
    const { reaches } = compilePolicy(rules).rightsOf(principal('reader'));
    expect(['files', 'git', 'other'].map(reaches)).toEqual([true, true, false]);
  });

  it.each(['files', ':x', 'files:', ''])('refuse the pattern %j', (pattern) => {
    expect(() => compilePolicy([{ role: 'r', allow: [pattern] }])).toThrow(
      expect.objectContaining({ code: 'SW_CONFIG_INVALID' }),
    );
  });
});
