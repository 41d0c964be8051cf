import { describe, expect, it } from 'vitest';
import { SessionLogLevel } from './session-log-level.js';

describe('the log level of a session', () => {
  it('is the most verbose that its calls and its client want, and is sent when it changes', () => {
    const level = new SessionLogLevel();
    expect(level.change()).toBeUndefined();
    level.standing = 'error';
    expect(level.change()).toBe('error');
    const ends = [level.want('info'), level.want('debug'), level.want('debug')] as const;
    expect(level.change()).toBe('debug');
    expect(level.change()).toBeUndefined();
    ends[1]();
    expect(level.change()).toBeUndefined();
    ends[2]();
    expect(level.change()).toBe('info');
    ends[0]();
    expect(level.change()).toBe('error');
  });
});
