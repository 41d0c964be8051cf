/**
 * Every name that leaves the process in a metric. Names are API for dashboards and alerts: add, never rename.
 * The duration follows OpenTelemetry's `mcp.server.operation.duration` in its Prometheus spelling.
 */
export const metricNames = {
  calls: 'seaworthy_calls_total',
  callSeconds: 'mcp_server_operation_duration_seconds',
  httpRequests: 'seaworthy_http_requests_total',
  activeCalls: 'seaworthy_active_calls',
  parkedCalls: 'seaworthy_parked_calls',
  parkedBytes: 'seaworthy_parked_bytes',
  parkedRefused: 'seaworthy_parked_refused_total',
  openStreams: 'seaworthy_open_streams',
  refusals: 'seaworthy_refusals_total',
  policyFailures: 'seaworthy_policy_failures_total',
  sharedUp: 'seaworthy_shared_up',
  limited: 'seaworthy_limited_total',
  openConnections: 'seaworthy_open_connections',
  connectionsRefused: 'seaworthy_connections_refused_total',
  tlsExpiry: 'seaworthy_tls_certificate_expiry_timestamp_seconds',
  slowClients: 'seaworthy_slow_clients_total',
  upstreamUp: 'seaworthy_upstream_up',
  upstreamRestarts: 'seaworthy_upstream_restarts_total',
  upstreamCircuit: 'seaworthy_upstream_circuit',
  upstreamFailures: 'seaworthy_upstream_failures_total',
  upstreamRetries: 'seaworthy_upstream_retries_total',
  upstreamRejected: 'seaworthy_upstream_rejected_total',
  upstreamHealed: 'seaworthy_upstream_sessions_healed_total',
  listReadings: 'seaworthy_list_readings_total',
  configReloads: 'seaworthy_config_reloads_total',
  upstreamProcesses: 'seaworthy_upstream_processes',
  upstreamState: 'seaworthy_upstream_state',
  upstreamStops: 'seaworthy_upstream_stops_total',
  upstreamRefusals: 'seaworthy_upstream_refusals_total',
  upstreamHeldQuestions: 'seaworthy_upstream_held_questions_total',
  upstreamStderrDropped: 'seaworthy_upstream_stderr_dropped_total',
  auditDropped: 'seaworthy_audit_dropped_total',
  auditSinkUp: 'seaworthy_audit_sink_up',
  loginFailures: 'seaworthy_login_failures_total',
  pinsQuarantined: 'seaworthy_pins_quarantined',
  pinDrifts: 'seaworthy_pin_drifts_total',
  securityEvents: 'seaworthy_security_events_total',
  resultBytes: 'seaworthy_result_bytes',
  buildInfo: 'seaworthy_build_info',
  cpuSeconds: 'process_cpu_seconds_total',
  residentBytes: 'process_resident_memory_bytes',
  startSeconds: 'process_start_time_seconds',
  openDescriptors: 'process_open_fds',
  heapUsedBytes: 'nodejs_heap_size_used_bytes',
  heapTotalBytes: 'nodejs_heap_size_total_bytes',
  externalBytes: 'nodejs_external_memory_bytes',
  loopUtilization: 'nodejs_eventloop_utilization_ratio',
} as const;

/** Upper bounds of the duration histogram, seconds. */
export const callBuckets: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Methods that get a time series of their own. A client may send any string, so all others share `other`. */
export const meteredMethods: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'subscriptions/listen',
  'completion/complete',
  'logging/setLevel',
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tasks/update',
  'tasks/cancel',
]);

/** The value of a label that stands for everything without a series of its own. */
export const otherLabel = 'other';
