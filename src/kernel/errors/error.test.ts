import { describe, expect, it } from 'vitest';
import { declaredErrors, defineErrors, fail, reasonOf, SeaworthyError, toSeaworthyError } from './index.js';

const entry = {
  message: 'Host {host} said {answer}.',
  hint: 'Ask {host} again.',
  kind: 'upstream',
  http: 502,
  rpc: -31900,
  retryable: true,
} as const;

describe('an error', () => {
  const failTest = defineErrors({ SW_TEST_ANSWER: entry });

  it('fills its message and hint from the details', () => {
    const error = failTest('SW_TEST_ANSWER', { host: 'db', answer: 7 });
    expect(error.message).toBe('Host db said 7.');
    expect(error.hint).toBe('Ask db again.');
  });

  it('leaves a placeholder without a detail visible', () => {
    expect(failTest('SW_TEST_ANSWER', { host: 'db' }).message).toBe('Host db said {answer}.');
  });

  it('does not expand placeholders that come from a detail', () => {
    expect(failTest('SW_TEST_ANSWER', { host: '{answer}', answer: '$&' }).message).toBe('Host {answer} said $&.');
  });

  it('carries code, kind, retryability and cause', () => {
    const cause = new Error('refused');
    const error = failTest('SW_TEST_ANSWER', {}, cause);
    expect(error).toBeInstanceOf(SeaworthyError);
    expect(error).toMatchObject({ code: 'SW_TEST_ANSWER', kind: 'upstream', retryable: true, cause });
  });

  it('has no cause where none was given', () => {
    expect('cause' in failTest('SW_TEST_ANSWER')).toBe(false);
  });

  it('cannot be declared twice', () => {
    expect(() => defineErrors({ SW_TEST_ANSWER: entry })).toThrow('SW_TEST_ANSWER is declared twice');
  });
});

describe('anything thrown', () => {
  it('stays what it is when it is ours', () => {
    const error = fail('SW_DRAINING');
    expect(toSeaworthyError(error)).toBe(error);
  });

  it('becomes SW_INTERNAL, tells the caller nothing and keeps the cause', () => {
    const cause = new TypeError('password=hunter2');
    const error = toSeaworthyError(cause);
    expect(error).toMatchObject({ code: 'SW_INTERNAL', kind: 'bug', cause });
    expect(error.message).not.toContain('hunter2');
  });

  it('has a reason', () => {
    expect(reasonOf(new Error('no route'))).toBe('no route');
    expect(reasonOf('no route')).toBe('no route');
    expect(reasonOf(undefined)).toBe('undefined');
  });
});

describe('the catalogue', () => {
  const specified = new Set([-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022]);

  it.each([...declaredErrors()])('%s keeps the rules', (code, { message, hint, http, rpc }) => {
    expect(code).toMatch(/^SW(_[A-Z0-9]+)+$/);
    expect(message).toMatch(/^(\{reason\}|[A-Z{].*[.])$/);
    expect(hint).toMatch(/[.]$/);
    expect(http === 200 || (http >= 400 && http <= 599)).toBe(true);
    // The specifications reserve -32768 … -32000: in there, only codes that they define.
    expect(specified.has(rpc) || rpc > -32000).toBe(true);
  });
});
