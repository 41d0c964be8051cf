import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider, ProviderCall } from '#gateway/catalog/index.js';
import { CallScope, type Principal } from '#kernel/context/index.js';
import { SeaworthyError } from '#kernel/errors/index.js';
import { PeerError, RawResult } from '#protocol/jsonrpc/index.js';
import {
  latestLegacy,
  latestModern,
  type ClientFacts,
  type Family,
  type JsonObject,
  type ModelNotification,
  type ModelResult,
} from '#protocol/model/index.js';

/** A provider under test, and the names of the tools that show what it promises. */
export interface ProviderSubject {
  readonly provider: Provider;
  /** A tool that gives a text back: its name, its arguments for a text, and the text of the answer. */
  readonly echo: {
    readonly name: string;
    readonly arguments: (text: string) => JsonObject;
    readonly answer: (text: string) => string;
  };
  /** A tool that runs for seconds unless it is cancelled. */
  readonly slow?: { readonly name: string; readonly arguments: JsonObject };
  /** A tool that reports progress `count` times. */
  readonly progress?: { readonly name: string; readonly arguments: JsonObject; readonly count: number };
  /** Ends what the provider stands in front of. */
  readonly close?: () => Promise<void> | void;
}

export const testPrincipal: Principal = { id: 'local:test', kind: 'local', name: 'test', roles: [] };
export const testClient = (family: Family, capabilities: JsonObject = {}): ClientFacts => ({
  family,
  revision: family === 'modern' ? latestModern : latestLegacy,
  info: { name: 'contract', version: '1.0.0' },
  capabilities,
});

let calls = 0;
/** A `tools/call` as the pipeline makes it. */
export function toolCall(
  family: Family,
  name: string,
  args: JsonObject,
  more: Partial<ProviderCall> = {},
): ProviderCall {
  return {
    request: { method: 'tools/call', params: { name, arguments: args } },
    client: testClient(family),
    scope: new CallScope(`call-${++calls}`, testPrincipal, performance.now()),
    channel: { notify: () => {} },
    session: family === 'legacy' ? { key: 'session-of-the-test' } : undefined,
    ...more,
  };
}

export const plainResult = (result: ModelResult): JsonObject =>
  result instanceof RawResult ? result.toObject() : result;
export const textOf = (result: ModelResult): string =>
  (plainResult(result)['content'] as { text: string }[]).map(({ text }) => text).join('');

/** What every provider promises, whatever stands behind it. `make` gives a fresh one that was not started. */
export function providerContract(name: string, make: () => Promise<ProviderSubject>): void {
  describe(`${name} keeps the provider contract`, () => {
    let subject: ProviderSubject;
    let provider: Provider;
    beforeAll(async () => {
      subject = await make();
      provider = subject.provider;
      await provider.start();
    });
    afterAll(async () => {
      await provider.stop();
      await subject.close?.();
    });

    it('has an id that fits into names', () => {
      expect(provider.id).toMatch(/^[a-z0-9][a-z0-9-]{0,31}$/);
    });

    it('has a frozen snapshot with everything it offers', () => {
      const snapshot = provider.snapshot();
      expect(snapshot?.provider).toBe(provider.id);
      expect(snapshot?.tools.map((tool) => tool.name)).toContain(subject.echo.name);
      expect(Object.isFrozen(snapshot) && Object.isFrozen(snapshot?.tools) && Object.isFrozen(snapshot?.tools[0])).toBe(
        true,
      );
      expect(snapshot?.ttlMs).toBeGreaterThanOrEqual(0);
    });

    it('reads the same lists again with the same hash', async () => {
      const before = provider.snapshot();
      expect((await provider.refresh()).hash).toBe(before?.hash);
    });

    it('is healthy', () => {
      expect(provider.health().status).toBe('healthy');
      expect(provider.health().message).not.toBe('');
    });

    describe.each(['modern', 'legacy'] as const)('for a %s client', (family) => {
      const echo = (text: string) => toolCall(family, subject.echo.name, subject.echo.arguments(text));

      it('answers a call', async () => {
        expect(textOf(await provider.invoke(echo('Grüße, 世界')))).toBe(subject.echo.answer('Grüße, 世界'));
      });

      it('gives each of many calls its own answer', async () => {
        const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
        const answers = await Promise.all(texts.map(async (text) => textOf(await provider.invoke(echo(text)))));
        expect(answers).toEqual(texts.map(subject.echo.answer));
      });

      it('says no to a tool that it does not have', async () => {
        const outcome = await provider.invoke(toolCall(family, 'no-such-tool', {})).catch((error: unknown) => error);
        const refused = outcome instanceof PeerError || outcome instanceof SeaworthyError;
        expect(refused || plainResult(outcome as ModelResult)['isError']).toBe(true);
      });

      it('reports progress under the token of the caller, in order, before the result', async ({ skip }) => {
        if (!subject.progress) return skip('it has no tool with progress');
        const seen: ModelNotification[] = [];
        const call = toolCall(family, subject.progress.name, subject.progress.arguments, {
          channel: { notify: (notification) => seen.push(notification) },
        });
        const params = { ...call.request.params, _meta: { progressToken: 'mine' } };
        await provider.invoke({ ...call, request: { ...call.request, params } });
        const progress = seen
          .filter(({ method }) => method === 'notifications/progress')
          .map(({ params: given }) => given);
        expect(progress.map(({ progressToken }) => progressToken)).toEqual(Array(subject.progress.count).fill('mine'));
        const values = progress.map((given) => given['progress'] as number);
        expect(values).toEqual([...values].sort((a, b) => a - b));
      });

      it.each([
        ['client', 'SW_CANCELLED'],
        ['deadline', 'SW_DEADLINE_EXCEEDED'],
      ] as const)('ends a call that is cancelled by the %s', async (reason, code) => {
        const tool = subject.slow ?? { name: subject.echo.name, arguments: subject.echo.arguments('late') };
        const call = toolCall(family, tool.name, tool.arguments);
        const outcome = provider.invoke(call);
        call.scope.cancel(reason);
        if (subject.slow) await expect(outcome).rejects.toMatchObject({ code });
        else await outcome.catch((error: unknown) => expect(error).toMatchObject({ code }));
      });
    });

    it('takes an interest, answers it, and lets it go twice', async () => {
      const subscription = provider.subscribe({ resources: [], principalId: testPrincipal.id, session: undefined });
      await expect(subscription.accepted).resolves.toEqual([]);
      subscription.close();
      subscription.close();
    });
  });

  describe(`${name} ends as the provider contract says`, () => {
    it('waits for calls in flight when it drains, and takes no more', async () => {
      const subject = await make();
      const { provider, echo } = subject;
      await provider.start();
      const call = provider.invoke(toolCall('legacy', echo.name, echo.arguments('last')));
      const drained = provider.drain();
      await expect(provider.invoke(toolCall('legacy', echo.name, echo.arguments('late')))).rejects.toThrow(
        SeaworthyError,
      );
      expect(textOf(await call)).toBe(echo.answer('last'));
      await drained;
      await provider.stop();
      await subject.close?.();
    });

    it('stops without a start, and twice', async () => {
      const { provider, close } = await make();
      await provider.stop();
      await provider.stop();
      await close?.();
    });
  });
}
