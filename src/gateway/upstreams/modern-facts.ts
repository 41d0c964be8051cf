import type { ServerFacts } from '#protocol/client/index.js';
import { latestModern } from '#protocol/model/index.js';

/** For a server that is modern but refused to say what it offers: everything is tried. */
export const assumedFacts: ServerFacts = {
  revision: latestModern,
  serverInfo: undefined,
  capabilities: { tools: {}, prompts: {}, resources: {}, completions: {} },
  instructions: undefined,
};
