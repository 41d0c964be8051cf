import { revisions } from '#protocol/model/index.js';
import { packageVersion } from '../version.js';
import { exitCodes } from './failure.js';
import type { Terminal } from './terminal.js';

export async function action(terminal: Terminal): Promise<number> {
  const facts = { version: packageVersion, node: process.versions.node, revisions };
  terminal.result(facts, () => `seaworthy ${packageVersion} · Node ${facts.node} · MCP ${revisions.join(', ')}`);
  return exitCodes.ok;
}
