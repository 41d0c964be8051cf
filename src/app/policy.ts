import type { Logger, Metrics } from '#kernel/telemetry/index.js';
import { compilePolicy, type Policy } from '#gateway/policy/index.js';
import type { Config } from './config.js';

/** The policy of the configuration; conditions that cannot be evaluated are logged and counted. @throws SW_CONFIG_INVALID */
export const policyOf = (
  { access, scopes }: Pick<Config, 'access' | 'scopes'>,
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Pick<Metrics, 'policyFailures'> },
): Policy =>
  compilePolicy(access, {
    scopes,
    onFailed: (rule) => {
      metrics.policyFailures.inc();
      logger.warn({ rule }, 'a condition could not be evaluated; it was held against the caller');
    },
  });
