export { ChildSlots } from './child-slots.js';
export type {
  HttpUpstreamConfig,
  StdioUpstreamConfig,
  UpstreamConfig,
  UpstreamDeps,
  UpstreamLimits,
} from './config.js';
export { createUpstream } from './upstream.js';
