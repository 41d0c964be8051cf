import { describe, expect, it } from 'vitest';
import { Registry } from './registry.js';

describe('Registry', () => {
  it('keeps the order of adding', () => {
    const registry = new Registry([{ id: 'b' }, { id: 'a' }]);
    expect(registry.ids).toEqual(['b', 'a']);
    expect([...registry].map(({ id }) => id)).toEqual(['b', 'a']);
    expect(registry.get('a')).toEqual({ id: 'a' });
  });

  it('refuses a second item with the same id', () => {
    expect(() => new Registry([{ id: 'a' }, { id: 'a' }])).toThrow('its id is taken');
  });

  it.each(['', 'A', '1a', 'a_b', 'a'.repeat(33), 'a/b'])('refuses the id %j', (id) => {
    expect(() => new Registry([{ id }])).toThrow('its id does not match');
  });
});
