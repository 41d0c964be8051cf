import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileUriTemplate } from './uri-template.js';

const match = (template: string, uri: string) => compileUriTemplate(template).match(uri);

describe('compileUriTemplate', () => {
  it.each([
    ['test://template/{id}/data', 'test://template/123/data', { id: '123' }],
    ['test://template/{id}/data', 'test://template//data', undefined],
    ['test://template/{id}/data', 'test://template/1/2/data', undefined],
    ['test://template/{id}/data', 'test://template/1/data/', undefined],
    ['a:///{name}', 'a:///x%20y', { name: 'x y' }],
    ['a:///{name}', 'a:///x%zz', undefined],
    ['a:///{name}', 'a:///x?y', undefined],
    ['a:///{name}', 'a:///', undefined],
    ['a:{x}-{y}', 'a:1-2-3', { x: '1', y: '2-3' }],
    ['a:{x}--{y}', 'a:1---3', { x: '1', y: '-3' }],
    ['f:///{+path}', 'f:///a/b%2Fc?d', { path: 'a/b%2Fc?d' }],
    ['f:///{+path}.md', 'f:///a/b.md.md', { path: 'a/b.md' }],
    ['f:{+dir}/{file}', 'f:a/b/c', { dir: 'a/b', file: 'c' }],
    ['f:{a}/{+dir}/{b}/{c}', 'f:1/2/3/4/5', { a: '1', dir: '2/3', b: '4', c: '5' }],
    ['f:{a}/{+dir}/{b}', 'f:1/2', undefined],
    ['f:fixed', 'f:fixed', {}],
    ['f:fixed', 'f:fixed!', undefined],
    ['ab{x}ba', 'aba', undefined],
  ])('%s on %s', (template, uri, expected) => {
    expect(match(template, uri)).toEqual(expected);
  });

  it.each(['a{x}{y}', 'a{/x*}', 'a{?q}', 'a{x', 'a}x', '{+a}/{+b}', '{a}/{a}', '{a:3}'])('refuses %s', (template) => {
    expect(() => compileUriTemplate(template)).toThrow('URI template');
  });

  it('finds the values again that a URI was made of', () => {
    const segment = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(segment, segment, (id, part) => {
        const uri = `t://x/${encodeURIComponent(id)}/y/${encodeURIComponent(part)}`;
        expect(match('t://x/{id}/y/{part}', uri)).toEqual({ id, part });
      }),
    );
  });

  it('reads a long hostile URI once', () => {
    const uri = `t:${'a-'.repeat(200_000)}`;
    expect(match('t:{a}-{b}-{c}-{d}!', uri)).toBeUndefined();
    expect(match('t:{a}!{+b}!{c}', uri)).toBeUndefined();
  });
});
