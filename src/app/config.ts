import { z } from 'zod';
import { field } from '#kernel/config/index.js';
import { isAddressEntry } from '#kernel/http/index.js';

const mebibyte = 2 ** 20;
const minute = 60_000;

/** An address or a range of them; a wrong one is told at the start, not found out by who gets in. */
const addresses = z.string().refine(isAddressEntry, 'is no IP address, no range such as 10.0.0.0/8, and not loopback');
/** Exact: a pattern would let in who registers a name that fits. */
const origin = z
  .string()
  .regex(/^https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/i, 'is no origin such as https://app.example.com');

/** One entry of `mcpServers`, in the shape that MCP clients use, so that an existing file works as it is. */
const mcpServer = field.section(
  {
    command: field.string({ optional: true, doc: 'Program to start; speaks MCP over stdin and stdout.' }),
    args: field.list(z.string(), {
      default: [],
      doc: 'Arguments of the program. `${NAME}` is replaced from the environment.',
    }),
    env: field.record(z.string(), {
      default: {},
      doc: 'Variables for the program, on top of PATH, HOME and the like.',
    }),
    cwd: field.string({ optional: true, doc: 'Working directory of the program.' }),
    url: field.string({ optional: true, doc: 'Address of a server that is reached over HTTP.' }),
    headers: field.record(z.string(), {
      default: {},
      doc: 'Headers for it. `env:NAME`, `file:/path` and `${NAME}` keep secrets out of this file.',
    }),
    type: field.oneOf(['stdio', 'http', 'streamable-http', 'sse'], {
      optional: true,
      doc: 'Transport; `sse` only for servers of revision 2024-11-05. Default: by `command` or `url`.',
    }),
    disabled: field.boolean({ default: false, doc: 'Leaves the server out.' }),
    pins: field.oneOf(['warn', 'quarantine', 'off'], {
      optional: true,
      doc: 'What happens to items that are not in their approved form. Default: pins.policy.',
    }),
    bridge: field.boolean({
      default: true,
      doc: 'Offers the server also to clients of the protocol family that it does not speak. Needs bridge.enabled.',
    }),
    connectTimeoutMs: field.int({
      default: 10_000,
      min: 100,
      unit: 'ms',
      doc: 'Time to connect and to finish the handshake.',
    }),
    listTimeoutMs: field.int({
      optional: true,
      min: 100,
      unit: 'ms',
      doc: 'Time to give all pages of all lists. Default: lists.timeoutMs.',
    }),
    idleMs: field.int({
      default: 10 * minute,
      min: 1000,
      unit: 'ms',
      doc: 'Time after which a session or process that nobody uses ends; not the process that lists are read on.',
    }),
    interactive: field.oneOf(['auto', 'always', 'never'], {
      default: 'auto',
      doc: 'Whether a call that can be asked gets a process (over `sse`: a connection) of its own. `auto`: once the server has asked a client. Of legacy servers only.',
    }),
    interactivePool: field.int({
      default: 4,
      min: 1,
      doc: 'Processes for such calls at once; more calls wait in line.',
    }),
    sharing: field.oneOf(['shared', 'per-principal', 'per-session'], {
      default: 'shared',
      doc: 'Who shares a process: everybody, the clients of one principal, or one client session (a client without session: per principal).',
    }),
    start: field.oneOf(['boot', 'demand'], {
      default: 'boot',
      doc: '`demand`: nothing runs until a call needs it, once the lists are known from an earlier run.',
    }),
    maxProcesses: field.int({
      default: 8,
      min: 2,
      doc: 'Processes of this server at once. Beyond it one that is idle ends, or the call is refused.',
    }),
    maxMemoryBytes: field.int({
      default: 1024 * mebibyte,
      min: 0,
      unit: 'bytes',
      doc: 'Resident memory of a process with all that it has started, above which it is stopped; 0: no limit. Linux only.',
    }),
    maxResultBytes: field.int({
      optional: true,
      min: 1024,
      unit: 'bytes',
      doc: 'Largest result. Default: limits.maxResultBytes.',
    }),
    maxConcurrency: field.int({
      optional: true,
      min: 1,
      doc: 'Calls to it at once. Default: limits.concurrencyPerProvider.',
    }),
    breaker: field.section(
      {
        failures: field.int({
          default: 5,
          min: 0,
          doc: 'Outages in a row after which calls fail at once; 0: never. Half of the calls of 10 s do the same.',
        }),
        openMs: field.int({
          default: 1000,
          min: 1,
          unit: 'ms',
          doc: 'Time until one call may try again; doubled each time it fails.',
        }),
        maxOpenMs: field.int({
          default: 30_000,
          min: 1,
          unit: 'ms',
          doc: 'Longest such time, also where the server asks for more by Retry-After.',
        }),
      },
      'Sparing a server that does not answer.',
    ),
    network: field.oneOf(['any', 'public'], {
      default: 'any',
      doc: 'Addresses that `url` may lead to. `public` refuses private, loopback and link-local ones.',
    }),
    http2: field.oneOf(['auto', 'never'], {
      default: 'auto',
      doc: '`auto`: HTTP/2 where a server behind TLS offers it.',
    }),
    caFile: field.string({
      optional: true,
      doc: 'File with the certificates (PEM) that `url` is trusted by, instead of the system’s.',
    }),
    maxConnections: field.int({
      default: 128,
      min: 1,
      doc: 'Connections for calls to the origin of `url`; further calls wait for one.',
    }),
    keepAliveMaxMs: field.int({
      default: 10 * minute,
      min: 1000,
      unit: 'ms',
      doc: 'Age at which a connection is made anew, so that a changed DNS entry is seen.',
    }),
    headersTimeoutMs: field.int({
      default: 0,
      min: 0,
      unit: 'ms',
      doc: 'Time until an answer begins; 0: as long as the call may take.',
    }),
    idleTimeoutMs: field.int({
      default: 5 * minute,
      min: 0,
      unit: 'ms',
      doc: 'Silence within an answer that has begun; 0: any. Long-lived streams may be silent.',
    }),
  },
  'A server behind the gateway.',
);

const group = field.section(
  {
    members: field.list(z.string(), { default: [], doc: 'Names of servers and modules.' }),
    onFailure: field.oneOf(['open', 'closed'], {
      default: 'open',
      doc: 'Lists while a member is away: `open` shows the rest and names it, `closed` refuses.',
    }),
  },
  'Some servers and modules together.',
);

const accessRule = field.section(
  {
    role: field.string({
      optional: true,
      doc: 'Role that a key has. A rule says whom it concerns by role, scopes or principals; all that it says must hold.',
    }),
    scopes: field.list(z.string(), { default: [], doc: 'Scopes that the credential has, all of them.' }),
    principals: field.list(z.string(), { default: [], doc: 'Ids of principals, such as `key:…`; one of them.' }),
    allow: field.list(z.string(), {
      default: [],
      doc: 'Patterns `provider:name`; `*` stands for any run of characters; `provider:tools/…`, `provider:prompts/…`, `provider:resources/…` narrow the kind. `admin:…` allows administration (`admin:*`, `admin:keys/read`), and nothing else does.',
    }),
    deny: field.list(z.string(), { default: [], doc: 'The same patterns; a match refuses, whatever allows.' }),
    when: field.string({
      optional: true,
      doc: 'The rule holds where this CEL expression is true. It reads `tool.annotations`, `args`, `claims`, `principal`, `provider`, `name` and `time`.',
    }),
    confirm: field.boolean({
      default: false,
      doc: 'What the rule allows is done only after the person behind the client has agreed to the call.',
    }),
  },
  'Who may use what. What no rule allows is refused.',
);

const scopeRule = field.section(
  {
    match: field.string({ doc: 'Pattern `provider:name`, as in access.' }),
    require: field.list(z.string(), { default: [], doc: 'Scopes that a credential with scopes needs for it.' }),
  },
  'Scopes that an operation needs.',
);

/** One token bucket; `what` is counted. */
const rate = (what: string, limit: number) =>
  field.section(
    {
      limit: field.int({ default: limit, min: 1, doc: `${what}, per window.` }),
      windowMs: field.int({ default: minute, min: 100, unit: 'ms', doc: 'Length of the window.' }),
      burst: field.int({ optional: true, min: 1, doc: 'Most at once. Default: `limit`.' }),
    },
    `${what}.`,
  );

const toolRate = field.section(
  {
    tools: field.list(z.string(), {
      default: [],
      doc: 'Patterns `provider:name` of the servers’ own names, with `*`.',
    }),
    limit: field.int({ default: 60, min: 1, doc: 'Calls of one principal to all these tools, per window.' }),
    windowMs: field.int({ default: minute, min: 100, unit: 'ms', doc: 'Length of the window.' }),
    burst: field.int({ optional: true, min: 1, doc: 'Most at once. Default: `limit`.' }),
  },
  'Tools that share a rate.',
);

const trustedIssuer = field.section(
  {
    issuer: field.string({ doc: 'Its identifier, exactly as its tokens have it in `iss`.' }),
    jwksUri: field.string({ optional: true, doc: 'Where its keys are. Default: its metadata says so.' }),
    audiences: field.list(z.string(), {
      default: [],
      doc: 'Values of `aud` that stand for us, besides the address of the endpoint.',
    }),
    tokenType: field.oneOf(['at+jwt', 'any'], {
      default: 'at+jwt',
      doc: '`any`: accepts tokens that do not say that they are access tokens, from servers older than RFC 9068.',
    }),
    network: field.oneOf(['public', 'any'], {
      default: 'public',
      doc: 'Addresses that it may be reached at. `any`: private ones too, and without TLS.',
    }),
  },
  'An authorization server.',
);

const roleMapping = field.section(
  {
    claim: field.string({ doc: 'Name of a claim; a dot leads into it, as in `realm_access.roles`.' }),
    value: field.string({ doc: 'What it is or contains.' }),
    role: field.string({ doc: 'The role that this gives.' }),
  },
  'A role for some tokens.',
);

/** The whole configuration, declared once: parsing, JSON Schema, reference page and `.env.example` come from here. */
export const rootConfig = field.section(
  {
    server: field.section(
      {
        host: field.string({ default: '127.0.0.1', env: 'SEAWORTHY_HOST', doc: 'Address to listen on.' }),
        port: field.int({
          default: 53_000,
          min: 0,
          max: 65_535,
          env: 'SEAWORTHY_PORT',
          doc: 'Port; 0 takes a free one.',
        }),
        tls: field.section(
          {
            cert: field.string({ doc: 'File with the certificate and its chain, PEM. Read again when it changes.' }),
            key: field.string({ doc: 'File with its key, PEM. Read again when it changes.' }),
            ca: field.string({ optional: true, doc: 'File with the authorities that vouch for clients, PEM.' }),
            clientAuth: field.oneOf(['none', 'request', 'require'], {
              default: 'none',
              doc: 'Certificates of clients: not asked for, verified where there is one, or demanded. Needs ca.',
            }),
            minVersion: field.oneOf(['TLSv1.2', 'TLSv1.3'], { default: 'TLSv1.2', doc: 'Oldest version of TLS.' }),
          },
          'TLS; left out, the listener speaks plain HTTP.',
          { optional: true },
        ),
        maxConnections: field.int({ default: 20_000, min: 1, doc: 'Connections in all.' }),
        maxConnectionsPerAddress: field.int({
          default: 5000,
          min: 1,
          doc: 'Connections from one address; trusted proxies are exempt.',
        }),
        allowedHosts: field.list(z.string(), {
          default: [],
          env: 'SEAWORTHY_ALLOWED_HOSTS',
          doc: 'Host names that clients may use besides loopback and `host`.',
        }),
        allowedOrigins: field.list(z.string(), {
          default: [],
          env: 'SEAWORTHY_ALLOWED_ORIGINS',
          doc: 'Origins of web pages that may call the server, such as https://app.example.com. For pages of other origins see `cors`.',
        }),
        cors: field.section(
          {
            origins: field.list(origin, {
              default: [],
              env: 'SEAWORTHY_CORS_ORIGINS',
              doc: 'Origins whose pages may call the server and read its answers. Exact: no patterns.',
            }),
            credentials: field.boolean({
              default: false,
              doc: 'Lets browsers send cookies along. Keys and tokens in headers do not need it.',
            }),
            maxAgeMs: field.int({
              default: 10 * minute,
              min: 0,
              unit: 'ms',
              doc: 'How long a browser may remember what it was allowed.',
            }),
          },
          'Web pages of other origins.',
        ),
        trustedProxies: field.list(addresses, {
          default: [],
          env: 'SEAWORTHY_TRUSTED_PROXIES',
          doc: 'Proxies in front: addresses, ranges such as 10.0.0.0/8, or `loopback`. Only what they forward is believed.',
        }),
        forwardedHeader: field.oneOf(['x-forwarded', 'forwarded'], {
          default: 'x-forwarded',
          doc: 'What those proxies write: X-Forwarded-For, -Proto and -Host, or Forwarded (RFC 7239). The other is not read.',
        }),
        allowedAddresses: field.list(addresses, {
          default: [],
          env: 'SEAWORTHY_ALLOWED_ADDRESSES',
          doc: 'Clients that may come: addresses, ranges, or `loopback`; empty: all.',
        }),
        healthAddresses: field.list(addresses, {
          default: [],
          doc: 'Who may ask /health and /ready; empty: whoever allowedAddresses names.',
        }),
        requestTimeoutMs: field.int({
          default: 30_000,
          min: 1000,
          unit: 'ms',
          doc: 'Time for a request to arrive whole.',
        }),
        writeTimeoutMs: field.int({
          default: minute,
          min: 1000,
          unit: 'ms',
          doc: 'Time in which a client must read something of an answer that waits for it.',
        }),
        legacySse: field.boolean({ default: false, doc: 'Serves clients of revision 2024-11-05 at /sse.' }),
      },
      'Where clients connect.',
    ),
    operations: field.section(
      {
        host: field.string({
          default: '127.0.0.1',
          env: 'SEAWORTHY_OPERATIONS_HOST',
          doc: 'Address of the operations listener.',
        }),
        port: field.int({
          default: 53_001,
          min: 0,
          max: 65_535,
          env: 'SEAWORTHY_OPERATIONS_PORT',
          doc: 'Port of /metrics and /health/detailed; 0 takes a free one.',
        }),
        allowedHosts: field.list(z.string(), { default: [], doc: 'Host names besides loopback and `host`.' }),
        allowedAddresses: field.list(addresses, {
          default: [],
          doc: 'Who may ask: addresses, ranges, or `loopback`; empty: all.',
        }),
      },
      'Where operators look: not for clients.',
    ),
    dataDir: field.string({
      default: '.seaworthy',
      env: 'SEAWORTHY_DATA_DIR',
      doc: 'Directory for database, keys, audit log and snapshots.',
    }),
    auth: field.section(
      {
        mode: field.oneOf(['keys', 'none'], {
          default: 'keys',
          env: 'SEAWORTHY_AUTH_MODE',
          doc: '`keys`: every client needs an API key. `none`: everybody is `anonymous`; loopback only.',
        }),
        keys: field.section(
          {
            maxStaleMs: field.int({
              default: 5 * minute,
              min: 5000,
              unit: 'ms',
              doc: 'Time for which the last known keys stay valid while the database cannot be read; then all are refused.',
            }),
          },
          'API keys.',
        ),
        oauth: field.section(
          {
            origin: field.string({
              doc: 'Scheme, host and port that clients reach us at; tokens are for addresses below it (`/mcp`, `/mcp/{provider}`).',
            }),
            issuers: field.list(trustedIssuer, {
              doc: 'Authorization servers whose access tokens (JWT) are accepted.',
              default: [],
            }),
            roles: field.list(roleMapping, { default: [], doc: 'Which claims give which roles.' }),
            requiredScopes: field.list(z.string(), { default: [], doc: 'Scopes that every token needs.' }),
            scopesSupported: field.list(z.string(), { default: [], doc: 'Scopes that clients are told of.' }),
            clockSkewMs: field.int({
              default: 30_000,
              min: 0,
              max: 5 * minute,
              unit: 'ms',
              doc: 'By how much clocks may differ.',
            }),
            maxStaleMs: field.int({
              default: 60 * minute,
              min: 0,
              unit: 'ms',
              doc: 'Time for which the last known keys of an issuer are believed while it does not answer.',
            }),
          },
          'Access tokens of OAuth 2.1, beside keys.',
          { optional: true },
        ),
        stdioRoles: field.list(z.string(), {
          default: ['owner'],
          doc: 'Roles of the user who starts `seaworthy stdio`.',
        }),
      },
      'Who calls.',
    ),
    access: field.list(accessRule, {
      default: [],
      reload: 'live',
      doc: 'Who may use what; empty refuses everything.',
    }),
    scopes: field.list(scopeRule, {
      default: [],
      reload: 'live',
      doc: 'Scopes that operations need, besides those that tools of modules declare.',
    }),
    limits: field.section(
      {
        rates: field.section(
          {
            address: rate('Requests from one address (IPv6: one /64), before authentication', 12_000),
            health: rate('Requests from one address to /health, /ready and the operations listener', 1000),
            login: rate('Credentials from one address that are not accepted', 30),
            api: rate('Requests of one principal', 3000),
            listen: rate('Streams and subscriptions that one principal opens', 2000),
            tools: field.list(toolRate, { default: [], doc: 'Tools with a rate of their own, besides `api`.' }),
          },
          'How often. A bucket holds `burst` and is refilled at `limit` per `windowMs`.',
          { reload: 'live' },
        ),
        concurrencyPerPrincipal: field.int({
          reload: 'live',
          default: 64,
          min: 1,
          doc: 'Calls of one principal at once.',
        }),
        concurrencyPerProvider: field.int({
          reload: 'live',
          default: 256,
          min: 1,
          doc: 'Calls to one provider at once.',
        }),
        callTimeoutMs: field.int({
          reload: 'live',
          default: 2 * minute,
          min: 100,
          unit: 'ms',
          doc: 'Time for one call.',
        }),
        maxBodyBytes: field.int({ default: 4 * mebibyte, min: 1024, unit: 'bytes', doc: 'Largest request.' }),
        maxResultBytes: field.int({
          reload: 'live',
          default: 16 * mebibyte,
          min: 1024,
          unit: 'bytes',
          doc: 'Largest result.',
        }),
        maxJsonDepth: field.int({ default: 64, min: 8, max: 512, doc: 'Nesting of a request.' }),
        maxBufferedBytes: field.int({
          default: 32 * mebibyte,
          min: 65_536,
          unit: 'bytes',
          doc: 'Bytes that may wait for a client that reads slowly; beyond it the connection is closed.',
        }),
        maxResultBytesInFlight: field.int({
          default: 256 * mebibyte,
          min: mebibyte,
          unit: 'bytes',
          doc: 'Bytes of all results held at once.',
        }),
        maxProcesses: field.int({ default: 64, min: 1, doc: 'Child processes of all servers at once.' }),
        maxStreams: field.int({ default: 10_000, min: 1, doc: 'Long-lived streams in all.' }),
        maxStreamsPerPrincipal: field.int({ default: 2000, min: 1, doc: 'Long-lived streams of one principal.' }),
      },
      'How much.',
    ),
    sessions: field.section(
      {
        maxAgeMs: field.int({
          default: 7 * 24 * 60 * minute,
          min: minute,
          unit: 'ms',
          doc: 'Life of a legacy session.',
        }),
        idleMs: field.int({
          default: 30 * minute,
          min: 1000,
          unit: 'ms',
          doc: 'Idle time after which the live part of a session (subscriptions, replay) is forgotten.',
        }),
        maxLive: field.int({ default: 20_000, min: 1, doc: 'Sessions with a live part kept at once.' }),
        replayEvents: field.int({
          default: 256,
          min: 1,
          doc: 'Events that a stream keeps for a client that comes back.',
        }),
        replayBytes: field.int({ default: mebibyte, min: 1024, unit: 'bytes', doc: 'Their bytes.' }),
        streamsPerSession: field.int({ default: 32, min: 1, doc: 'Streams that a session keeps for resuming.' }),
        streamAfterMs: field.int({
          default: 50,
          min: 0,
          unit: 'ms',
          doc: 'A call without an answer by then gets a stream, so that a lost connection can be resumed.',
        }),
        retryMs: field.int({ default: 1000, min: 1, unit: 'ms', doc: 'How soon clients come back to a stream.' }),
        keepAliveMs: field.int({
          default: 15_000,
          min: 100,
          unit: 'ms',
          doc: 'Pause between signs of life on idle streams.',
        }),
      },
      'Sessions and streams.',
    ),
    bridge: field.section(
      {
        enabled: field.boolean({
          default: true,
          reload: 'live',
          doc: 'Translates between the protocol families. Without it each server is offered to clients of its own family.',
        }),
        maxCalls: field.int({ default: 1000, min: 0, doc: 'Calls that wait for the answer of a client, in all.' }),
        maxCallsPerPrincipal: field.int({ default: 50, min: 0, doc: 'The same of one principal.' }),
        maxBytes: field.int({ default: 16 * mebibyte, min: 1024, unit: 'bytes', doc: 'Bytes of the questions kept.' }),
        parkedMs: field.int({ default: 5 * minute, min: 1000, unit: 'ms', doc: 'How long such a call waits.' }),
      },
      'Questions of legacy servers to clients of 2026-07-28, which answer by retrying the call.',
    ),
    lists: field.section(
      {
        pageSize: field.int({ default: 1000, min: 1, doc: 'Items of one page.' }),
        coldWaitMs: field.int({
          default: 5000,
          min: 0,
          unit: 'ms',
          doc: 'How long a first list waits for a server that has not answered yet.',
        }),
        timeoutMs: field.int({
          default: 30_000,
          min: 100,
          unit: 'ms',
          reload: 'live',
          doc: 'Time for a server to give all pages of all its lists.',
        }),
        refreshMs: field.int({
          default: 30_000,
          min: 1000,
          unit: 'ms',
          reload: 'live',
          doc: 'Lists are read again when their `ttlMs` is over, but not more often than this.',
        }),
        legacyTtlMs: field.int({
          default: minute,
          min: 0,
          unit: 'ms',
          reload: 'live',
          doc: '`ttlMs` of lists whose server is legacy and cannot say it.',
        }),
        changeIntervalMs: field.int({
          default: 500,
          min: 0,
          unit: 'ms',
          reload: 'live',
          doc: 'Shortest time between two readings that a server asks for, and between two list_changed for a client.',
        }),
        maxItems: field.int({ default: 10_000, min: 1, reload: 'live', doc: 'Items of one list of a server.' }),
        maxBytes: field.int({
          default: 16 * mebibyte,
          min: 1024,
          unit: 'bytes',
          reload: 'live',
          doc: 'All lists of a server, and the file in which they are kept over a restart.',
        }),
        onFailure: field.oneOf(['open', 'closed'], {
          default: 'open',
          reload: 'live',
          doc: 'Lists of `/mcp` while a server is away: `open` shows the rest and names it, `closed` refuses.',
        }),
      },
      'Lists.',
    ),
    validation: field.section(
      {
        arguments: field.boolean({ default: true, doc: 'Checks arguments against the schema of an upstream tool.' }),
      },
      'Checks before a call.',
    ),
    log: field.section(
      {
        level: field.oneOf(['debug', 'info', 'warn', 'error', 'silent'], {
          default: 'info',
          env: 'SEAWORTHY_LOG_LEVEL',
          reload: 'live',
          doc: 'What is logged.',
        }),
        format: field.oneOf(['auto', 'json', 'pretty'], {
          default: 'auto',
          env: 'SEAWORTHY_LOG_FORMAT',
          doc: '`auto`: for people on a terminal, JSON elsewhere.',
        }),
      },
      'Log.',
    ),
    audit: field.section(
      {
        sinks: field.list(z.enum(['file', 'database', 'syslog', 'webhook']), {
          default: ['file'],
          doc: 'Where records go; the first, `file` or `database`, keeps the chain. `file` is `<dataDir>/audit/audit.jsonl`, `database` the table `audit_record`.',
        }),
        syslog: field.section(
          {
            url: field.string({ default: '', doc: '`udp://host:514`, `tcp://host:601` or `tls://host:6514`.' }),
            facility: field.int({ default: 13, min: 0, max: 23, doc: 'RFC 5424, table 1; 13 is "log audit".' }),
            caFile: field.string({ optional: true, doc: "Authorities to trust instead of the system's, PEM." }),
          },
          'Messages of RFC 5424.',
        ),
        webhook: field.section(
          {
            url: field.string({ default: '', doc: 'Where batches are posted.' }),
            secret: field.string({
              default: '',
              secret: true,
              doc: 'Signs every request (HMAC-SHA-256); `env:NAME` or `file:/path` keep it out of this file.',
            }),
            network: field.oneOf(['public', 'any'], {
              default: 'public',
              doc: '`public`: https to public addresses only.',
            }),
            maxBatch: field.int({ default: 100, min: 1, max: 10_000, doc: 'Records in one request.' }),
            timeoutMs: field.int({ default: 10_000, min: 100, unit: 'ms', doc: 'Time for one request.' }),
          },
          'Signed batches over HTTP.',
        ),
        arguments: field.oneOf(['none', 'shape', 'redacted'], {
          default: 'shape',
          reload: 'live',
          doc: 'What is kept of arguments: nothing, names and types, or values with secrets masked.',
        }),
        onFailure: field.oneOf(['open', 'closed'], {
          default: 'open',
          reload: 'live',
          doc: '`closed`: while the first sink cannot write, every request is refused.',
        }),
        flushMs: field.int({
          default: 200,
          min: 1,
          unit: 'ms',
          doc: 'How long records wait to be written together: what a kill -9 can lose.',
        }),
        maxWaiting: field.int({
          default: 100_000,
          min: 1,
          doc: 'Records held for each sink while it is slow or away; beyond it the newest are dropped and counted.',
        }),
        checkpointRecords: field.int({ default: 1000, min: 1, doc: 'A signed checkpoint after so many records.' }),
        checkpointMs: field.int({
          default: minute,
          min: 100,
          unit: 'ms',
          doc: 'A signed checkpoint at least this often while there are records.',
        }),
        maxFileBytes: field.int({
          default: 100 * mebibyte,
          min: mebibyte,
          unit: 'bytes',
          doc: 'The file is rotated at this size.',
        }),
        keepDays: field.int({
          default: 0,
          min: 0,
          unit: 'days',
          doc: 'Older records are removed from the first sink; 0 keeps all.',
        }),
        keepBytes: field.int({
          default: 0,
          min: 0,
          unit: 'bytes',
          doc: 'Oldest files are removed beyond this size in all; 0 keeps all.',
        }),
        keepFiles: field.int({
          default: 0,
          min: 0,
          doc: 'Oldest rotated files are removed beyond this number; 0 keeps all.',
        }),
      },
      'The audit log: one chained record per decision.',
    ),
    pins: field.section(
      {
        policy: field.oneOf(['warn', 'quarantine', 'off'], {
          default: 'quarantine',
          reload: 'live',
          doc: 'What happens to items of a server that are not in their approved form: offered and recorded, held back, or not looked at.',
        }),
        firstUse: field.oneOf(['approve', 'quarantine'], {
          default: 'approve',
          reload: 'live',
          doc: 'What becomes of items of a server about which nobody has decided anything yet: pinned as they are, or held back.',
        }),
        items: field.list(z.enum(['tools', 'prompts', 'resources', 'resourceTemplates']), {
          default: ['tools', 'prompts', 'resourceTemplates'],
          reload: 'live',
          doc: 'Lists whose items are pinned. Resources of many servers come and go, so they are not by default.',
        }),
        lockFile: field.string({
          default: 'seaworthy.lock.json',
          doc: 'Lock file; where it names a server, it decides, else the database.',
        }),
      },
      'Pinned definitions of servers.',
    ),
    mcpServers: field.record(mcpServer, { default: {}, reload: 'live', doc: 'Servers behind the gateway, by name.' }),
    groups: field.record(group, {
      default: {},
      reload: 'live',
      doc: 'Servers and modules that are served together at `/mcp/{group}`, names prefixed as at `/mcp`.',
    }),
    modules: field.record(z.record(z.string(), z.unknown()), {
      default: {},
      reload: 'live',
      doc: 'Built-in modules by id with their settings; `path` loads a module of your own.',
    }),
    storage: field.section(
      {
        url: field.string({
          default: 'sqlite:seaworthy.db',
          env: 'SEAWORTHY_STORAGE_URL',
          secret: true,
          doc: '`sqlite:<file>` (a name without a folder lies in dataDir) or `postgres://…`.',
        }),
      },
      'The database.',
    ),
    shared: field.section(
      {
        url: field.string({
          default: 'memory:',
          env: 'SEAWORTHY_SHARED_URL',
          secret: true,
          pattern: /^(memory:$|rediss?:\/\/)/,
          doc: '`memory:` for one process; `redis://…` or `rediss://…` (TLS) for replicas, Redis 6.2 or Valkey and later.',
        }),
        prefix: field.string({
          default: 'seaworthy:',
          pattern: /^[\w:.-]{1,64}$/,
          doc: 'Begins every key and channel in Redis.',
        }),
        timeoutMs: field.int({
          default: 50,
          min: 1,
          unit: 'ms',
          doc: 'Time for Redis to decide about a rate; then this process decides alone.',
        }),
        localFraction: field.number({
          default: 0.5,
          min: 0.01,
          max: 1,
          doc: 'Share of each rate that a process grants while Redis is away.',
        }),
      },
      'Counters, locks and revocations.',
    ),
    drain: field.section(
      {
        timeoutMs: field.int({
          default: 25_000,
          min: 0,
          unit: 'ms',
          doc: 'How long calls in flight may take after SIGTERM.',
        }),
      },
      'Shutdown.',
    ),
  },
  'Seaworthy.',
);

export type Config = z.infer<typeof rootConfig>;
export type McpServerConfig = Config['mcpServers'][string];
