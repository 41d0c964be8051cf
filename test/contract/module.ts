import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  moduleProvider,
  testPrincipal,
  type Module,
  type ModuleEnvironment,
  type ModuleProvider,
} from '#gateway/modules/index.js';
import { CallScope } from '#kernel/context/index.js';
import { SeaworthyError } from '#kernel/errors/index.js';
import { createSealer, memoryKeyRing } from '#kernel/secrets/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { systemClock } from '#kernel/time/index.js';
import type { JsonObject, Tool } from '#protocol/model/index.js';

/**
 * What every module promises, whatever it does. Call it from the module's own test.
 * `config` fits the module, `directories` names the keys that hold a directory: each gets a fresh one.
 */
export function moduleContract(module: Module, config: JsonObject, directories: readonly string[] = []): void {
  describe(`${module.id} keeps the module contract`, () => {
    let root: string;
    let fresh = 0;
    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'seaworthy-contract-'));
    });
    afterAll(() => rm(root, { recursive: true }));

    const make = () => {
      const home = join(root, String(++fresh));
      const own = Object.fromEntries(directories.map((key) => [key, join(home, key)]));
      return {
        home,
        provider: moduleProvider(module, { ...config, ...own }, environmentOf(module, join(home, 'data'))),
      };
    };
    const started = async (work: (provider: ModuleProvider) => Promise<void> | void) => {
      const { provider } = make();
      await provider.start();
      try {
        await work(provider);
      } finally {
        await provider.stop();
      }
    };

    it('says in one sentence what it is for', () => {
      expect(module.doc).toMatch(/^[A-Z].*\.$/);
    });

    it('prefixes its scopes with its id and explains them', () => {
      for (const [scope, sentence] of Object.entries(module.scopes)) {
        expect(scope.startsWith(`${module.id}:`)).toBe(true);
        expect(sentence).not.toBe('');
      }
    });

    it('refuses unknown configuration keys', () => {
      expect(() => module.configure({ ...config, noSuchKey: 1 })).toThrow(SeaworthyError);
      expect(() => module.configure(null)).toThrow(SeaworthyError);
    });

    it('touches nothing before start', async () => {
      const { home, provider } = make();
      await provider.provision();
      expect(provider.snapshot()).toBeDefined();
      await expect(readdir(home)).rejects.toMatchObject({ code: 'ENOENT' });
      await provider.stop();
      await expect(readdir(home)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('stops in every state, and twice', async () => {
      await make().provider.stop();
      const { provider } = make();
      const starting = provider.start();
      // Whichever comes first: a stop that overtakes the start makes the start reject.
      await Promise.allSettled([starting, provider.stop(), provider.stop()]);
      await provider.stop();
      expect(provider.health().status).toBe('unhealthy');
    });

    it('is healthy once started, and drains', () =>
      started(async (provider) => {
        expect(provider.health().status).toBe('healthy');
        await provider.drain();
        await provider.drain();
      }));

    it('describes every tool: description, object schema, annotations, declared scopes', () =>
      started((provider) => {
        for (const listed of provider.snapshot()?.tools ?? []) {
          expect(listed['description'], listed.name).toMatch(/\S/);
          expect(listed.inputSchema['type'], listed.name).toBe('object');
          expect(Object.keys(listed['annotations'] ?? {}), listed.name).not.toHaveLength(0);
          for (const scope of provider.policyOf(listed.name)?.scopes ?? [])
            expect(Object.keys(module.scopes), listed.name).toContain(scope);
        }
      }));

    it('describes every resource, template and prompt', () =>
      started((provider) => {
        const { resourceTemplates = [], prompts = [], resources = [] } = provider.snapshot() ?? {};
        for (const item of [...resourceTemplates, ...prompts, ...resources])
          expect(item['description'], item.name).toMatch(/\S/);
      }));

    it('answers invalid arguments with isError', () =>
      started(async (provider) => {
        for (const listed of provider.snapshot()?.tools ?? []) {
          const args = invalidArguments(listed);
          if (!args) continue;
          const result = (await provider.invoke(toolCall(listed.name, args))) as JsonObject;
          expect(result['isError'], `${listed.name} with ${JSON.stringify(args)}`).toBe(true);
        }
      }));
  });
}

function environmentOf(module: Module, dataDir: string): ModuleEnvironment {
  const sealer = createSealer(memoryKeyRing(), `module ${module.id}`);
  return { log: silentLogger, clock: systemClock, dataDir, sealer };
}

/** Arguments that cannot fit: a member of the wrong type, or one that must not be there; undefined where all fit. */
function invalidArguments({ inputSchema }: Tool): JsonObject | undefined {
  const properties = Object.keys((inputSchema['properties'] as JsonObject | undefined) ?? {});
  if (properties[0] !== undefined) return { [properties[0]]: { not: ['any', 'primitive'] } };
  return inputSchema['additionalProperties'] === false ? { noSuchArgument: 1 } : undefined;
}

const toolCall = (name: string, args: JsonObject): Parameters<ModuleProvider['invoke']>[0] => ({
  request: { method: 'tools/call', params: { name, arguments: args } },
  client: { family: 'modern', revision: '2026-07-28', capabilities: {} },
  scope: new CallScope('contract', testPrincipal, 0),
  channel: { notify: () => {} },
  session: undefined,
});
