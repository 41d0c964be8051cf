import { describe, expect, it } from 'vitest';
import { createMetrics, metricNames } from './index.js';

describe('metrics', () => {
  it('counts calls by provider, method and outcome, once however often it is scraped', async () => {
    const metrics = createMetrics();
    metrics.call('tickets', 'tools/call').done('ok', 0.0005);
    metrics.call('tickets', 'tools/call').done('ok', 0.3);
    metrics.call('tickets', 'tools/call').done('error', 60);
    await metrics.text();
    const text = await metrics.text();
    expect(text).toContain('seaworthy_calls_total{provider="tickets",method="tools/call",outcome="ok"} 2');
    expect(text).toContain('seaworthy_calls_total{provider="tickets",method="tools/call",outcome="error"} 1');
  });

  it('writes durations as a cumulative histogram in seconds', async () => {
    const metrics = createMetrics();
    const meter = metrics.call('tickets', 'tools/call');
    for (const seconds of [0.001, 0.3, 60]) meter.done('ok', seconds);
    const text = await metrics.text();
    const labels = 'provider="tickets",method="tools/call"';
    expect(text).toContain('# TYPE mcp_server_operation_duration_seconds histogram');
    expect(text).toContain(`mcp_server_operation_duration_seconds_bucket{le="0.001",${labels}} 1`);
    expect(text).toContain(`mcp_server_operation_duration_seconds_bucket{le="0.5",${labels}} 2`);
    expect(text).toContain(`mcp_server_operation_duration_seconds_bucket{le="+Inf",${labels}} 3`);
    expect(text).toContain(`mcp_server_operation_duration_seconds_sum{${labels}} 60.301`);
    expect(text).toContain(`mcp_server_operation_duration_seconds_count{${labels}} 3`);
  });

  it('keeps the number of series bounded whatever a client sends', async () => {
    const metrics = createMetrics();
    for (let i = 0; i < 3_000; i += 1) metrics.call(`provider-${String(i)}`, `made/up-${String(i)}`).done('refused', 0);
    const series = (await metrics.text()).split('\n').filter((line) => line.startsWith('seaworthy_calls_total{'));
    expect(series).toHaveLength(1_001);
    expect(series.every((line) => line.includes('method="other"'))).toBe(true);
  });

  it('emits every name it declares, and no other', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    metrics.httpRequest(200);
    metrics.httpRequest(200);
    metrics.httpRequests.inc({ status: 404 });
    metrics.refusals.inc({ code: 'SW_RATE_LIMITED' });
    metrics.auditDropped.inc({ sink: 'file' });
    metrics.auditSinkUp.set({ sink: 'file' }, 1);
    metrics.securityEvents.inc({ event: 'login.failed' });
    metrics.upstreamUp.set({ provider: 'a' }, 1);
    const text = await metrics.text();
    const emitted = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    expect(emitted.sort()).toEqual(Object.values(metricNames).sort());
    expect(text).toContain('seaworthy_http_requests_total{status="200"} 2');
    expect(text).toContain('seaworthy_http_requests_total{status="404"} 1');
    expect(text).toContain('seaworthy_build_info{version="1.2.3"');
  });

  it('gives two servers separate registries', async () => {
    const [one, two] = [createMetrics(), createMetrics()];
    one.activeCalls.inc();
    expect(await one.text()).toContain('seaworthy_active_calls 1');
    expect(await two.text()).toContain('seaworthy_active_calls 0');
  });
});
