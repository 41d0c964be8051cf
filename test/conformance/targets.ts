import { fileURLToPath } from 'node:url';
import { sdkFixtureOf, startSdkFixture, startSseFixture } from '../support/sdk-fixture.js';
import { startSeaworthy } from '../support/seaworthy-process.js';
import { startTaskServer, taskServerOverStdio } from '../support/upstream-servers.js';
import { revisions, type SuiteRevision } from './suite.js';

/** An address under test, while it serves. */
export interface RunningTarget {
  readonly url: string;
  stop(): Promise<unknown>;
}

/** Something that must conform: one row of the report per revision. */
export interface Target {
  readonly name: string;
  /** What a request passes before it is answered. */
  readonly upstream: 'none' | 'http' | 'stdio' | 'sse';
  readonly revisions: readonly SuiteRevision[];
  /** The scenarios that are run; all that the revision requires where left out. */
  readonly scenarios?: readonly string[];
  start(): Promise<RunningTarget>;
}

const legacyRevisions = ['2025-06-18', '2025-11-25'] as const;
const modernRevisions = ['2026-07-28'] as const;
/** All of the tasks extension but tasks-status-notifications, which the suite always skips. */
const taskScenarios = [
  'tasks-lifecycle',
  'tasks-capability-negotiation',
  'tasks-wire-fields',
  'tasks-request-state-removal',
  'tasks-mrtr-input',
  'tasks-request-headers',
  'tasks-dispatch-and-envelope',
  'tasks-required-task-error',
  'tasks-mrtr-composition',
];
/** The suite leaves eight calls without the answer that they wait for, each on a process or session of its own. */
const interactivePool = 12;
const moduleFixture = fileURLToPath(new URL('../fixtures/conformance-module/index.ts', import.meta.url));

/** In this order: what stands first explains a failure of what stands after it. */
export const targets: readonly Target[] = [
  { name: 'sdk-fixture', upstream: 'none', revisions, start: () => startSdkFixture() },
  {
    name: 'module',
    upstream: 'none',
    revisions,
    start: () => serve('conformance', { modules: { conformance: { path: moduleFixture } } }),
  },
  overHttp('gateway-http', 'both', revisions),
  overStdio('gateway-stdio', 'both', revisions),
  overHttp('modern-only-http', 'modern', legacyRevisions),
  overStdio('modern-only-stdio', 'modern', legacyRevisions),
  overHttp('legacy-only-http', 'legacy', modernRevisions),
  overStdio('legacy-only-stdio', 'legacy', modernRevisions, { interactivePool, maxProcesses: 16 }),
  {
    name: 'legacy-only-sse',
    upstream: 'sse',
    revisions,
    start: async () => serveInFrontOf(await startSseFixture(), { type: 'sse', interactivePool }),
  },
  {
    name: 'tasks-http',
    upstream: 'http',
    revisions: modernRevisions,
    scenarios: taskScenarios,
    start: async () => serveInFrontOf(await startTaskServer(), {}),
  },
  {
    name: 'tasks-stdio',
    upstream: 'stdio',
    revisions: modernRevisions,
    scenarios: taskScenarios,
    start: () => serve('fixture', { mcpServers: { fixture: taskServerOverStdio } }),
  },
];

type Families = Parameters<typeof sdkFixtureOf>[0];

/** The gateway in front of the fixture in the families named. */
function overHttp(name: string, families: Families, driven: readonly SuiteRevision[]): Target {
  const start = async () => serveInFrontOf(await startSdkFixture(families), {});
  return { name, upstream: 'http', revisions: driven, start };
}

function overStdio(name: string, families: Families, driven: readonly SuiteRevision[], entry: object = {}): Target {
  const start = () => serve('fixture', { mcpServers: { fixture: { ...sdkFixtureOf(families), ...entry } } });
  return { name, upstream: 'stdio', revisions: driven, start };
}

async function serveInFrontOf(fixture: RunningTarget, entry: object): Promise<RunningTarget> {
  const gateway = await serve('fixture', { mcpServers: { fixture: { url: fixture.url, ...entry } } });
  return { url: gateway.url, stop: () => Promise.all([gateway.stop(), fixture.stop()]) };
}

/** Serves one provider under its own names, open to everyone on the loopback interface. */
async function serve(provider: string, config: Record<string, unknown>): Promise<RunningTarget> {
  const access = [{ role: 'anonymous', allow: [`${provider}:*`] }];
  const program = await startSeaworthy({ config: { auth: { mode: 'none' }, access, ...config } });
  return { url: `${program.url}/${provider}`, stop: () => program.stop() };
}
