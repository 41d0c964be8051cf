import type { MetricSample, Provider } from '#gateway/catalog/index.js';

/** The figures that providers show of themselves, in the Prometheus text format. */
export function providerMetrics(providers: readonly Provider[]): string {
  return providers
    .flatMap((provider) => familiesOf(provider.metrics?.() ?? []).map((samples) => family(provider.id, samples)))
    .join('');
}

/** Samples of one name belong together: the format wants one description for all of them. */
function familiesOf(samples: readonly MetricSample[]): MetricSample[][] {
  const families = new Map<string, MetricSample[]>();
  for (const sample of samples) families.set(sample.name, [...(families.get(sample.name) ?? []), sample]);
  return [...families.values()];
}

function family(provider: string, samples: readonly MetricSample[]): string {
  const [first] = samples;
  if (!first) return '';
  const name = `seaworthy_${provider}_${first.name}`.replace(/[^a-zA-Z0-9_]/g, '_');
  const lines = samples.map(({ labels, value }) => `${name}${labelText(labels ?? {})} ${value}`);
  return `\n# HELP ${name} ${first.help.replace(/\s+/g, ' ')}\n# TYPE ${name} ${first.type}\n${lines.join('\n')}\n`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

const escape = (value: string): string => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
