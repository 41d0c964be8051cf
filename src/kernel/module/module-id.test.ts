import { describe, expect, it } from 'vitest';
import { checkModuleId } from './module-id.js';

describe('the id of a module', () => {
  it.each(['a', 'a-b', 'a1', 'a'.repeat(32)])('may be %j', (id) => {
    expect(() => checkModuleId(id)).not.toThrow();
  });

  it.each(['', 'A', '1a', 'a_b', 'a'.repeat(33), 'a/b'])('may not be %j', (id) => {
    expect(() => checkModuleId(id)).toThrow('its id does not match');
  });
});
