export type { CallMeter, CallOutcome } from './call-tally.js';
export { childStates, type ChildState } from './child-metrics.js';
export { createLogger, silentLogger, type Logger, type LoggerOptions } from './logger.js';
export { createMetrics, type BuildInfo, type Metrics } from './metrics.js';
export { metricNames } from './names.js';
