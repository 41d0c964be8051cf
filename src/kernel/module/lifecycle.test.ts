import { describe, expect, it } from 'vitest';
import { Lifecycle, type LifecycleHooks, type LifecycleState } from './lifecycle.js';

function recorded(overrides: Partial<LifecycleHooks> = {}) {
  const events: string[] = [];
  const failures: unknown[] = [];
  const lifecycle = new Lifecycle(
    'sample',
    {
      provision: (undo) => {
        events.push('provision');
        undo.push(() => void events.push('undo'));
      },
      start: () => void events.push('start'),
      drain: () => void events.push('drain'),
      stop: () => void events.push('stop'),
      ...overrides,
    },
    (thrown) => failures.push(thrown),
  );
  return { lifecycle, events, failures };
}

type Step = 'provision' | 'start' | 'drain' | 'stop';
const paths: Record<LifecycleState, Step[]> = {
  created: [],
  provisioned: ['provision'],
  started: ['provision', 'start'],
  draining: ['provision', 'start', 'drain'],
  stopped: ['stop'],
};
/** The state after each step from each state, or `refused`. */
const table: Record<LifecycleState, Record<Step, LifecycleState | 'refused'>> = {
  created: { provision: 'provisioned', start: 'refused', drain: 'created', stop: 'stopped' },
  provisioned: { provision: 'refused', start: 'started', drain: 'provisioned', stop: 'stopped' },
  started: { provision: 'refused', start: 'refused', drain: 'draining', stop: 'stopped' },
  draining: { provision: 'refused', start: 'refused', drain: 'draining', stop: 'stopped' },
  stopped: { provision: 'refused', start: 'refused', drain: 'stopped', stop: 'stopped' },
};

describe('Lifecycle', () => {
  for (const [state, row] of Object.entries(table) as [LifecycleState, (typeof table)['created']][])
    for (const [step, outcome] of Object.entries(row) as [Step, LifecycleState | 'refused'][])
      it(`${step} from ${state}: ${outcome}`, async () => {
        const { lifecycle } = recorded();
        for (const before of paths[state]) await lifecycle[before]();
        expect(lifecycle.state).toBe(state);
        const result = lifecycle[step]();
        if (outcome === 'refused') {
          await expect(result).rejects.toMatchObject({ code: 'SW_MODULE_STATE' });
          expect(lifecycle.state).toBe(state);
        } else {
          await result;
          expect(lifecycle.state).toBe(outcome);
        }
      });

  it('undoes what a failing provision had acquired, and does not call stop for it', async () => {
    const undone: string[] = [];
    const { lifecycle, events } = recorded({
      provision: (undo) => {
        undo.push(() => void undone.push('first'));
        undo.push(() => void undone.push('second'));
        throw new TypeError('no more');
      },
    });
    await expect(lifecycle.provision()).rejects.toThrow('no more');
    expect(undone).toEqual(['second', 'first']);
    await lifecycle.stop();
    expect(undone).toEqual(['second', 'first']);
    expect(events).toEqual([]);
    expect(lifecycle.state).toBe('stopped');
  });

  it('stops once, however often and early it is asked', async () => {
    const { lifecycle, events } = recorded();
    const provisioned = lifecycle.provision();
    await Promise.all([provisioned, lifecycle.stop(), lifecycle.stop()]);
    expect(events).toEqual(['provision', 'stop', 'undo']);
  });

  it('releases the rest when a hook fails while stopping, and reports the failure', async () => {
    const { lifecycle, events, failures } = recorded({
      stop: () => {
        throw new TypeError('stuck');
      },
    });
    await lifecycle.provision();
    await lifecycle.stop();
    expect(events).toEqual(['provision', 'undo']);
    expect(failures).toHaveLength(1);
  });
});
