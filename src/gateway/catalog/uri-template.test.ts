import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileUriTemplate } from './uri-template.js';

/** The plainest thing that could match: one regular expression, every expression any run of characters. */
const naive = (literals: readonly string[]) =>
  new RegExp(`^${literals.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^]*')}$`);

/** Few letters, so that literals overlap and repeat. */
const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '.'), maxLength: 6 });
const uri = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '.'), maxLength: 20 });

describe('a URI template', () => {
  it('matches what a naive reading matches, and what it was made from', () => {
    fc.assert(
      fc.property(fc.array(letters, { minLength: 1, maxLength: 5 }), uri, letters, (literals, candidate, value) => {
        const matches = compileUriTemplate(literals.join('{x}'));
        expect(matches(candidate)).toBe(naive(literals).test(candidate));
        expect(matches(literals.join(value))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not fall for what makes a regular expression explode', () => {
    const started = process.cpuUsage();
    expect(compileUriTemplate(`${'a{x}'.repeat(50)}b`)('a'.repeat(100_000))).toBe(false);
    // Naively this does not end in the age of the universe; a generous second is no measure of speed.
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(1);
  });
});
