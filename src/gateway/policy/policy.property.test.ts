import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Principal } from '#kernel/context/index.js';
import { compilePolicy, type AccessRule, type Facts, type Subject } from './index.js';

// Few words, so that rules, principals and subjects meet.
const roles = fc.constantFrom('a', 'b', 'c');
const scopes = fc.constantFrom('s', 't');
const ids = fc.constantFrom('p1', 'p2', 'p3');
const providers = fc.constantFrom('x', 'xy', 'y');
const names = fc.constantFrom('a', 'ab', 'b', 'tools/a', 'b/c');
const pattern = fc
  .tuple(
    fc.constantFrom('x', 'xy', 'y', '*', 'x*', '*y'),
    fc.constantFrom('', '', 'tools/', 'prompts/', 'resources/'),
    fc.constantFrom('a', 'ab', 'b', '*', 'a*', '*b', 'b/*'),
  )
  .map(([provider, kind, name]) => `${provider}:${kind}${name}`);
/** Conditions, and what they come to, written a second time by hand. */
const conditions = {
  'args.n == 1': (_p: Principal, _s: Subject, facts?: Facts) =>
    facts?.args === undefined ? 'open' : 'n' in facts.args ? facts.args['n'] === 1 : 'failed',
  'claims.c == 1': ({ claims = {} }: Principal) => ('c' in claims ? claims['c'] === 1 : 'failed'),
  'principal.id == "p1"': ({ id }: Principal) => id === 'p1',
  'name == "a"': (_p: Principal, { name }: Subject) => name === 'a',
  'tool.annotations.readOnlyHint': (_p: Principal, { tool }: Subject) =>
    tool === undefined ? 'open' : (tool['annotations'] as { readOnlyHint: boolean }).readOnlyHint,
} as const;
const needs = (when: string, kind: Subject['kind']): boolean =>
  when.startsWith('tool') ? kind === 'tool' : !when.startsWith('args') || kind !== 'resource';

const rule: fc.Arbitrary<AccessRule> = fc
  .record(
    {
      role: roles,
      scopes: fc.array(scopes, { minLength: 1, maxLength: 2 }),
      principals: fc.array(ids, { minLength: 1, maxLength: 2 }),
      allow: fc.array(pattern, { maxLength: 3 }),
      deny: fc.array(pattern, { maxLength: 1 }),
      when: fc.constantFrom(...(Object.keys(conditions) as (keyof typeof conditions)[])),
      confirm: fc.boolean(),
    },
    { requiredKeys: ['allow'] },
  )
  .filter(({ role, scopes: some, principals }) => role !== undefined || some !== undefined || principals !== undefined);
const rules = fc.array(rule, { maxLength: 12 });
const principal: fc.Arbitrary<Principal> = fc
  .record(
    {
      id: ids,
      roles: fc.uniqueArray(roles, { maxLength: 3 }),
      scopes: fc.uniqueArray(scopes, { maxLength: 2 }),
      claims: fc.record({ c: fc.constantFrom(1, 2) }, { requiredKeys: [] }),
    },
    { requiredKeys: ['id', 'roles'] },
  )
  .map((given) => ({ kind: 'oauth', name: given.id, ...given }));
const subject: fc.Arbitrary<Subject> = fc
  .record({ provider: providers, kind: fc.constantFrom('tool', 'prompt', 'resource'), name: names, flag: fc.boolean() })
  .map(({ flag, ...named }) => ({
    ...named,
    tool: named.kind === 'tool' ? { annotations: { readOnlyHint: flag } } : undefined,
  }));
const facts: fc.Arbitrary<Facts> = fc.record({
  args: fc.record({ n: fc.constantFrom(1, 2) }, { requiredKeys: [] }),
});

/** The rules as one would read them aloud: no index, no cache, no early end. */
function naive(given: readonly AccessRule[], who: Principal, what: Subject, known?: Facts) {
  const matches = (text: string) => {
    const [, provider = '', kind, name = ''] = /^(.*?):(?:(tools|prompts|resources)\/)?(.*)$/.exec(text) ?? [];
    const like = (glob: string, value: string) => new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(value);
    return like(provider, what.provider) && (!kind || kind === `${what.kind}s`) && like(name, what.name);
  };
  let [denied, allowed, confirmed] = [false, false, false];
  for (const { role, scopes: wanted = [], principals = [], allow, deny = [], when, confirm } of given) {
    if (role !== undefined && !who.roles.includes(role)) continue;
    if (principals.length > 0 && !principals.includes(who.id)) continue;
    if (!wanted.every((scope) => who.scopes?.includes(scope))) continue;
    if (when !== undefined && !needs(when, what.kind)) continue;
    const verdict = when === undefined ? true : conditions[when as keyof typeof conditions](who, what, known);
    if (deny.some(matches) && (verdict === true || verdict === 'failed')) denied = true;
    if (!allow.some(matches) || verdict === false) continue;
    if (verdict !== 'failed') allowed = true;
    if (confirm) confirmed = true;
  }
  return { allowed: allowed && !denied, requiresConfirmation: allowed && !denied && confirmed };
}

const runs = { numRuns: 1000 };
const some = fc.tuple(rules, principal, subject, fc.option(facts, { nil: undefined }));

it('decides what a naive reading of the rules decides', () => {
  fc.assert(
    fc.property(some, ([given, who, what, known]) => {
      const { allowed, requiresConfirmation } = compilePolicy(given).rightsOf(who).admit(what, known);
      expect({ allowed, requiresConfirmation }).toEqual(naive(given, who, what, known));
    }),
    { numRuns: 3000 },
  );
});

it('shows in a list whatever it allows to call', () => {
  fc.assert(
    fc.property(rules, principal, subject, facts, (given, who, what, known) => {
      const rights = compilePolicy(given).rightsOf(who);
      if (!rights.admit(what, known).allowed) return;
      expect(rights.admit(what).allowed).toBe(true);
      expect(rights.reaches(what.provider)).toBe(true);
    }),
    runs,
  );
});

it('does not depend on the order of rules', () => {
  const shuffled = rules.chain((given) =>
    fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length, maxLength: given.length })),
  );
  fc.assert(
    fc.property(shuffled, principal, subject, facts, ([given, other], who, what, known) => {
      const [one, two] = [given, other].map((each) => compilePolicy(each).rightsOf(who).admit(what, known));
      expect([two?.allowed, two?.requiresConfirmation]).toEqual([one?.allowed, one?.requiresConfirmation]);
    }),
    runs,
  );
});

it('never allows more by one deny more', () => {
  fc.assert(
    fc.property(some, roles, pattern, ([given, who, what, known], role, denied) => {
      const before = compilePolicy(given).rightsOf(who).admit(what, known);
      const after = compilePolicy([...given, { role, allow: [], deny: [denied] }])
        .rightsOf(who)
        .admit(what, known);
      expect(before.allowed || !after.allowed).toBe(true);
    }),
    runs,
  );
});

it('gives principals with the same key the same rights', () => {
  fc.assert(
    fc.property(rules, principal, principal, subject, facts, (given, one, two, what, known) => {
      const policy = compilePolicy(given);
      const shared = policy.rightsOf(one);
      if (policy.rightsOf(two) !== shared) return;
      expect(shared.admit(what, known).allowed).toBe(naive(given, two, what, known).allowed);
    }),
    runs,
  );
});

it('explains with the decision that it makes', () => {
  fc.assert(
    fc.property(some, ([given, who, what, known]) => {
      const policy = compilePolicy(given);
      const { decision, looked } = policy.explain(who, what, known);
      expect(decision).toEqual(policy.rightsOf(who).admit(what, known));
      const decisive = looked.find(({ place }) => place === decision.rule);
      if (decision.rule === undefined) expect(looked.some(({ outcome }) => outcome === 'applies')).toBe(false);
      else expect(decisive?.effect).toBe(decision.reason === 'denied' ? 'deny' : (decisive?.effect ?? 'none'));
    }),
    runs,
  );
});

it('asks for scopes when the credential has some, and only then', () => {
  const policy = compilePolicy([{ role: 'a', allow: ['x:*'] }], {
    scopes: [{ match: 'x:tools/*', require: ['x:use'] }],
  });
  const ask = (scopesOf: readonly string[] | undefined, known?: Facts) =>
    policy
      .rightsOf({ id: 'p', kind: 'oauth', name: 'p', roles: ['a'], ...(scopesOf && { scopes: scopesOf }) })
      .admit({ provider: 'x', kind: 'tool', name: 'b' }, known);
  expect(ask(undefined, { scopes: ['x:own'] }).allowed).toBe(true);
  expect(ask(['x:use'], { scopes: ['x:own'] })).toMatchObject({
    allowed: false,
    reason: 'scope',
    missingScopes: ['x:own'],
    requiredScopes: ['x:own', 'x:use'],
  });
  expect(ask(['x:use', 'x:own'], { scopes: ['x:own'] }).allowed).toBe(true);
  // A list shows what a further scope would open, so that a client can ask for it.
  expect(ask([]).allowed).toBe(true);
});
