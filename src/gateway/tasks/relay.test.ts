import { describe, expect, it } from 'vitest';
import { createSealer, memoryKeyRing } from '#kernel/secrets/index.js';
import { meta } from '#protocol/model/index.js';
import { shownNotification, shownResult } from './relay.js';
import { TaskTokens } from './task-tokens.js';

const shownId = (taskId: unknown) => (taskId === 'own' ? 'shown' : undefined);
const related = (taskId: string) => ({ [meta.relatedTask]: { taskId }, other: 1 });

describe('what a server says of tasks', () => {
  it('names those of the client as it knows them, and keeps silent about others', () => {
    const status = (taskId: string) => ({
      method: 'notifications/tasks/status',
      params: { taskId, status: 'working' },
    });
    expect(shownNotification(status('own'), shownId)?.params).toEqual({ taskId: 'shown', status: 'working' });
    expect(shownNotification(status('foreign'), shownId)).toBeUndefined();
  });

  it('passes unchanged where it concerns no task, and never with an id that is not ours', () => {
    const progress = (_meta: object) => ({ method: 'notifications/progress', params: { progress: 1, _meta } });
    expect(shownNotification(progress({}), shownId)).toEqual(progress({}));
    expect(shownNotification(progress(related('own')), shownId)).toEqual(progress(related('shown')));
    expect(shownNotification(progress(related('foreign')), shownId)).toEqual(progress({ other: 1 }));
  });

  it('is the same result where it names none', () => {
    const result = { content: [], _meta: { other: 1 } };
    expect(shownResult(result, shownId)).toBe(result);
    expect(shownResult({ task: { taskId: 'own', ttl: 1 } }, shownId)).toEqual({ task: { taskId: 'shown', ttl: 1 } });
  });
});

describe('an id of ours', () => {
  const ref = { provider: 'old', tool: 'run', taskId: 'own', family: 'legacy' } as const;
  const keyRing = memoryKeyRing();
  const tokens = () => new TaskTokens(createSealer(keyRing, 'task'));

  it('opens in any process with the key, for its principal alone', () => {
    const token = tokens().seal('alice', ref);
    expect(tokens().open('alice', token)).toMatchObject(ref);
    expect(tokens().open('bob', token)).toBeUndefined();
    expect(new TaskTokens(createSealer(memoryKeyRing(), 'task')).open('alice', token)).toBeUndefined();
    expect(new TaskTokens(createSealer(keyRing, 'session')).open('alice', token)).toBeUndefined();
  });

  it('is known where it was given or seen, to its principal alone', () => {
    const [first, second] = [tokens(), tokens()];
    const token = first.seal('alice', ref);
    expect(first.known('alice', 'old', 'own')).toBe(token);
    expect(first.known('bob', 'old', 'own')).toBeUndefined();
    expect(second.known('alice', 'old', 'own')).toBeUndefined();
    second.open('alice', token);
    expect(second.known('alice', 'old', 'own')).toBe(token);
  });
});
