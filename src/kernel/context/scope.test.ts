import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { CallScope, type CancelReason } from './index.js';

const newScope = () => new CallScope('r1', { id: 'local:0', kind: 'local', name: 'me', roles: [] }, 0);

describe('a call scope', () => {
  it('tells every listener why it was cancelled, once', () => {
    const scope = newScope();
    const heard: string[] = [];
    scope.onCancel((reason) => heard.push(`a:${reason}`));
    scope.onCancel((reason) => heard.push(`b:${reason}`));
    scope.cancel('deadline');
    scope.cancel('client');
    expect(heard).toEqual(['a:deadline', 'b:deadline']);
    expect(scope.cancelled).toBe('deadline');
  });

  it('tells a late listener at once', () => {
    const scope = newScope();
    scope.cancel('drain');
    let heard: CancelReason | undefined;
    scope.onCancel((reason) => (heard = reason))();
    expect(heard).toBe('drain');
  });

  it('does not tell a listener that stopped listening, even one removed while others are told', () => {
    const scope = newScope();
    const heard: string[] = [];
    const stop = scope.onCancel(() => heard.push('early'));
    scope.onCancel(() => {
      heard.push('remover');
      stopLater();
    });
    const stopLater = scope.onCancel(() => heard.push('later'));
    stop();
    scope.cancel('client');
    expect(heard).toEqual(['remover']);
  });

  it('removes one registration of a listener that is registered twice', () => {
    const scope = newScope();
    let calls = 0;
    const listener = () => calls++;
    scope.onCancel(listener);
    scope.onCancel(listener)();
    scope.cancel('client');
    expect(calls).toBe(1);
  });

  it('tells the rest when one listener throws, and reports its error', async () => {
    const scope = newScope();
    const heard: CancelReason[] = [];
    const { signal } = scope;
    scope.onCancel(() => {
      throw new Error('broken listener');
    });
    scope.onCancel((reason) => heard.push(reason));
    const warned = once(process, 'warning') as Promise<[Error]>;
    scope.cancel('disconnect');
    expect(heard).toEqual(['disconnect']);
    expect(signal.aborted).toBe(true);
    expect((await warned)[0].message).toBe('broken listener');
  });

  it('aborts its signal with the reason, whether asked for before or after', () => {
    const before = newScope();
    const { signal } = before;
    before.cancel('deadline');
    expect([signal.aborted, signal.reason]).toEqual([true, 'deadline']);

    const after = newScope();
    after.cancel('drain');
    expect([after.signal.aborted, after.signal.reason]).toEqual([true, 'drain']);
    expect(after.signal).toBe(after.signal);
  });
});
