import { describe, expect, it } from 'vitest';
import type { Principal } from '#kernel/context/index.js';
import { compilePolicy, type Facts } from './index.js';

const who: Principal = {
  id: 'oauth:x#1',
  kind: 'oauth',
  name: 'Ada',
  roles: ['r'],
  claims: { sub: '1', groups: ['ops'], tier: 2 },
};
const readTool = { name: 'read', annotations: { readOnlyHint: true } };

/** The reason of the decision about `files:read` under one rule with this condition. */
const decide = (when: string, facts?: Facts, tool: object = readTool, effect: 'allow' | 'deny' = 'allow') => {
  const pattern = ['files:*'];
  const rules =
    effect === 'allow'
      ? [{ role: 'r', allow: pattern, when }]
      : [
          { role: 'r', allow: pattern },
          { role: 'r', allow: [], deny: pattern, when },
        ];
  const rights = compilePolicy(rules, { now: () => Date.UTC(2026, 0, 5, 14) }).rightsOf(who);
  return rights.admit({ provider: 'files', kind: 'tool', name: 'read', tool: tool as never }, facts).reason;
};

describe('conditions', () => {
  it.each([
    ['tool.annotations.readOnlyHint', 'allowed'],
    ['tool.annotations.destructiveHint', 'allowed'],
    ['!tool.annotations.destructiveHint', 'no rule'],
    ['args.path.startsWith("/srv/")', 'allowed'],
    ['args.path.startsWith("/etc/")', 'no rule'],
    ['args.count < 10', 'allowed'],
    ['args.count == 5', 'allowed'],
    ['args["count"] in [4, 5]', 'allowed'],
    ['args.list.all(x, x.startsWith("a"))', 'allowed'],
    ['has(args.missing) && args.missing == 1', 'no rule'],
    ['args.missing == 1', 'failed'],
    ['args.count', 'failed'],
    ['args.constructor == null', 'failed'],
    ['"ops" in claims.groups && claims.tier >= 2', 'allowed'],
    ['claims.nobody == "x"', 'failed'],
    ['principal.name == "Ada" && "r" in principal.roles', 'allowed'],
    ['provider == "files" && name == "read"', 'allowed'],
    ['time.getHours() == 14 && time.getDayOfWeek() == 1', 'allowed'],
  ])('%s is %s', (when, reason) => {
    expect(decide(when, { args: { path: '/srv/a', count: 5, list: ['a1', 'a2'] } })).toBe(reason);
  });

  it('assume of a tool that says nothing what the protocol assumes', () => {
    const silent = { name: 'read' };
    expect(decide('tool.annotations.readOnlyHint', {}, silent)).toBe('no rule');
    expect(decide('tool.annotations.destructiveHint && tool.annotations.openWorldHint', {}, silent)).toBe('allowed');
  });

  it.each([
    ['args.path == "x"', 'allowed'],
    ['time.getHours() == 3', 'allowed'],
    ['args.path == "x" && claims.sub == "1"', 'allowed'],
    ['claims.sub == "2"', 'no rule'],
    ['!tool.annotations.readOnlyHint', 'no rule'],
  ])('let a list show what some call could do: %s is %s', (when, reason) => {
    expect(decide(when)).toBe(reason);
  });

  it('that fail are held against the caller, whichever way the rule points', () => {
    expect(decide('args.missing == 1', { args: {} }, readTool, 'deny')).toBe('failed');
    expect(decide('args.missing == 1', { args: {} }, readTool, 'allow')).toBe('failed');
    expect(decide('args.missing == 1', undefined, readTool, 'deny')).toBe('allowed');
  });

  it('are told of when they fail', () => {
    const failed: string[] = [];
    const policy = compilePolicy([{ role: 'r', allow: ['files:*'], when: 'args.x == 1' }], {
      onFailed: (place) => failed.push(place),
    });
    policy.rightsOf(who).admit({ provider: 'files', kind: 'tool', name: 'read' }, { args: {} });
    expect(failed).toEqual(['access[0].allow[0]']);
  });

  it('look at no more of the arguments than their budget allows, and only at those that they read', () => {
    const many = Array.from({ length: 2000 }, () => 'a');
    expect(decide('args.list.exists(x, x == "b")', { args: { list: many } })).toBe('failed');
    expect(decide('args.path.contains("x")', { args: { path: 'x'.repeat(70_000) } })).toBe('failed');
    expect(decide('args.path == "x"', { args: { path: 'x', content: 'y'.repeat(1_000_000), list: many } })).toBe(
      'allowed',
    );
    expect(decide('size(args) > 0', { args: { list: many } })).toBe('failed');
  });

  it('on annotations or arguments concern what has them', () => {
    const rights = compilePolicy([
      { role: 'r', allow: ['files:*'] },
      { role: 'r', allow: [], deny: ['files:*'], when: 'args.x == 1 || tool.annotations.destructiveHint' },
    ]).rightsOf(who);
    expect(rights.admit({ provider: 'files', kind: 'resource', name: 'file:///a' }, {}).allowed).toBe(true);
    expect(rights.admit({ provider: 'files', kind: 'tool', name: 'a', tool: {} }, { args: {} }).allowed).toBe(false);
  });

  it.each([
    ['arguments.x == 1', /access\[0\]\.when: .*Unknown variable: arguments/],
    ['tool.annotations.readonly', /No such key: readonly/],
    ['name + 1 == 2', /no such overload/],
    ['name', /yields string, not a bool/],
    ['name ==', /access\[0\]\.when/],
    ['args.x.matches("(a+)+$")', /matches is not available/],
    ['cel.bind(x, 1, x == 1)', /is not available/],
    ['args.a.all(x, args.b.all(y, x == y))', /all inside another loop/],
    [`name == "${'a'.repeat(1000)}"`, /at most 1000 characters/],
    [Array.from({ length: 120 }, () => 'true').join(' && '), /access\[0\]\.when/],
    [`${'('.repeat(60)}true${')'.repeat(60)}`, /access\[0\]\.when/],
  ])('are refused at load: %s', (when, message) => {
    expect(() => compilePolicy([{ role: 'r', allow: ['a:b'], when }])).toThrow(
      expect.objectContaining({ code: 'SW_CONFIG_INVALID', message: expect.stringMatching(message) as string }),
    );
  });
});
