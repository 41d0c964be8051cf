import { Command, CommanderError, Option } from 'commander';
import { fail } from '#kernel/errors/index.js';
import { exitCodes, showFailure } from './failure.js';
import { Terminal } from './terminal.js';

/** What a command's module exports: it does the work and returns the exit code. */
type Action<Options> = (terminal: Terminal, options: Options, ...args: readonly string[]) => Promise<number>;

/**
 * Runs one command line and returns the exit code. Nothing but commander is loaded before the command is known, so
 * `--help` and `version` answer at once.
 */
export async function run(argv: readonly string[]): Promise<number> {
  const outcome = { exitCode: exitCodes.ok as number };
  const terminal = new Terminal(argv.includes('--json'));
  try {
    await createProgram(outcome).parseAsync(argv, { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    const isDebugging = argv.includes('--log-level=debug') || argv[argv.indexOf('--log-level') + 1] === 'debug';
    if (!(error instanceof CommanderError)) return showFailure(error, terminal, isDebugging);
    if (error.exitCode === 0) return exitCodes.ok;
    // A command group without a command: the help was shown already.
    if (error.code === 'commander.help') return exitCodes.usage;
    const reason = error.message
      .replace(/^error: /, '')
      .replace(/\s+/g, ' ')
      .replace(/[.]?$/, '.');
    return showFailure(fail('SW_USAGE', { reason }), terminal, false);
  }
}

/**
 * The command line, declared: `--help` and `docs/reference/cli.md` come from here. `outcome.exitCode` is set by the
 * command that ran.
 */
export function createProgram(outcome: { exitCode: number } = { exitCode: exitCodes.ok }): Command {
  const program = new Command('seaworthy')
    .description('One hardened MCP endpoint in front of any MCP server.')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', exitCodeHelp);

  const does =
    <Options extends object>(load: () => Promise<{ readonly action: Action<Options> }>) =>
    async (...given: unknown[]): Promise<void> => {
      // Commander passes the arguments, then the options, then the command itself.
      const args = given
        .slice(0, -2)
        .flat()
        .filter((arg) => arg !== undefined) as string[];
      const options = given.at(-2) as Options;
      const { action } = await load();
      outcome.exitCode = await action(new Terminal('json' in options), options, ...args);
    };

  declareServing(program, does);
  declareSetup(program, does);
  declareUse(program, does);
  declarePolicy(program.command('policy').description('Ask what the access rules decide.'), does);
  declareKeys(program.command('keys').description('Make, list, rotate and revoke API keys.'), does);
  declareAuditLog(program.command('audit-log').description('Search, verify and export the audit log.'), does);
  declarePins(program.command('pins').description('Compare what servers offer with what was approved.'), does);
  program
    .command('version')
    .description('Print versions: ours, of Node, and the protocol revisions that are spoken.')
    .addOption(json())
    .action(does(() => import('./version.js')));
  return program;
}

type Does = <Options extends object>(
  load: () => Promise<{ readonly action: Action<Options> }>,
) => (...given: unknown[]) => Promise<void>;

function declareServing(program: Command, does: Does): void {
  program
    .command('serve')
    .description('Run the gateway over HTTP until SIGTERM or SIGINT.')
    .addOption(configFile())
    .option('--from <mcp.json>', 'import this client configuration first, unless ./seaworthy.yaml exists')
    .option('--host <address>', 'address to listen on (server.host)')
    .option('--port <number>', 'port to listen on, 0 for a free one (server.port)')
    .addOption(logLevel('log.level of the configuration'))
    .addOption(json('print one JSON line when it listens, and nothing else'))
    .action(does(() => import('./serve.js')));
  program
    .command('stdio')
    .description('Run the gateway over stdin and stdout, for a client that starts a process.')
    .addOption(configFile())
    .option('--provider <name>', 'serve one provider alone, under its own names')
    .addOption(logLevel('log.level of the configuration'))
    .action(does(() => import('./stdio.js')));
}

function declareSetup(program: Command, does: Does): void {
  program
    .command('init')
    .description('Write seaworthy.yaml from the configurations of MCP clients, with an explicit allow list.')
    .argument('[files...]', 'client configurations to read; without, those at the well-known places')
    .option('--output <file>', 'file to write', 'seaworthy.yaml')
    .option('--force', 'write over an existing file')
    .option('--no-discover', 'start no server; the allow list stays empty')
    .option('--read-only', 'allow only tools that say they change nothing')
    .addOption(json())
    .action(does(() => import('./init.js')));
  program
    .command('doctor')
    .description('Check configuration, data directory, ports, database and every provider; exit 1 on an error.')
    .addOption(configFile())
    .addOption(logLevel('silent'))
    .addOption(json())
    .action(does(() => import('./doctor.js')));
  const config = program.command('config').description('Check and show the configuration.');
  config
    .command('check')
    .description('Report every problem of the configuration at once.')
    .addOption(configFile())
    .addOption(json())
    .action(does(() => import('./config-check.js')));
  config
    .command('print')
    .description('Print every setting that is in force and where it comes from, without secrets.')
    .addOption(configFile())
    .addOption(json())
    .action(does(() => import('./config-print.js')));
  config
    .command('schema')
    .description('Print the JSON Schema of the file.')
    .addOption(json('accepted for symmetry: the schema is JSON either way'))
    .action(does(() => import('./config-schema.js')));
}

function declareUse(program: Command, does: Does): void {
  program
    .command('tools')
    .description('List the tools that the configuration offers, or those of a running server.')
    .argument('[pattern]', 'only names that match; * stands for any run of characters')
    .option('--provider <name>', 'only this provider, under its own names')
    .addOption(configFile())
    .addOption(remoteUrl())
    .addOption(remoteKey())
    .addOption(logLevel('silent'))
    .addOption(json())
    .action(does(() => import('./tools.js')));
  program
    .command('call')
    .description('Call one tool; exit 1 when it reports an error.')
    .argument('<tool>', 'its name, as `seaworthy tools` shows it')
    .argument('[arguments...]', 'key=value, read by the types of its schema')
    .option('--args <json>', 'all arguments as one JSON object')
    .option('--provider <name>', 'use this provider alone, under its own names')
    .addOption(configFile())
    .addOption(remoteUrl())
    .addOption(remoteKey())
    .addOption(logLevel('silent'))
    .addOption(json())
    .action(does(() => import('./call.js')));
}

function declarePolicy(policy: Command, does: Does): void {
  policy
    .command('test')
    .description('Say whether a call is allowed and which rule decides; exit 1 when it is refused.')
    .addOption(asWhom())
    .requiredOption(
      '--call <provider:name>',
      'original name of a tool; provider:prompts/name and provider:resources/uri ask for the other kinds',
    )
    .option('--args <json>', 'arguments, for conditions on them')
    .addOption(configFile())
    .addOption(logLevel('silent'))
    .addOption(json())
    .action(does(() => import('./policy-test.js')));
  policy
    .command('list')
    .description('List everything that a principal sees, and the rule that shows it.')
    .addOption(asWhom())
    .addOption(configFile())
    .addOption(logLevel('silent'))
    .addOption(json())
    .action(does(() => import('./policy-list.js')));
}

function declareKeys(keys: Command, does: Does): void {
  keys
    .command('create')
    .description('Make a key and print it, this once.')
    .requiredOption('--name <text>', 'what the key is for')
    .requiredOption('--role <role...>', 'roles of the configuration that the key has')
    .option('--expires <duration>', 'such as 12h, 30d or 52w; without, it does not expire')
    .option('--scope <scope...>', 'scopes that the key is limited to; without, its roles alone count')
    .option('--address <network...>', 'addresses it may be used from, such as 10.0.0.0/8; without, any')
    .option('--description <text>', 'more about it')
    .addOption(configFile())
    .addOption(json())
    .action(does(() => import('./keys-create.js')));
  keys
    .command('list')
    .description('List the keys, without the keys themselves.')
    .addOption(configFile())
    .addOption(json())
    .action(does(() => import('./keys-list.js')));
  keys
    .command('rotate')
    .description('Give a key a new secret and print it; the old one works on for a while.')
    .argument('<id>', 'its id in `seaworthy keys list`')
    .option('--overlap <duration>', 'how long the old secret still works, such as 24h; 0 ends it at once', '24h')
    .addOption(configFile())
    .addOption(json())
    .action(does(() => import('./keys-rotate.js')));
  keys
    .command('revoke')
    .description('End a key; running servers refuse it within a second.')
    .argument('<id>', 'its id in `seaworthy keys list`')
    .addOption(configFile())
    .addOption(json())
    .action(does(() => import('./keys-revoke.js')));
}

function declareAuditLog(auditLog: Command, does: Does): void {
  auditLog
    .command('query')
    .description('Show records, newest first.')
    .option('--from <time>', 'not older: ISO 8601, or a duration back from now such as 2h')
    .option('--to <time>', 'not newer, in the same forms')
    .option('--principal <id>', 'id or name of who called')
    .option('--provider <name>', 'provider that was called')
    .option('--name <text>', 'tool, prompt or URI, by either of its names')
    .option('--outcome <outcome>', 'ok, tool_error, refused, cancelled, timeout or error')
    .option('--code <code>', 'error code, such as SW_ACCESS_DENIED')
    .option('--event <event>', 'security event, such as login.failed')
    .option('--request-id <id>', 'id of one request')
    .option('--limit <number>', 'records at most', '100')
    .option('--cursor <cursor>', 'go on behind an earlier page')
    .addOption(configFile())
    .addOption(json('print one JSON record a line'))
    .action(does(() => import('./audit-log-query.js')));
  auditLog
    .command('verify')
    .description('Check every record, its place in the chain and every signature; exit 1 on a problem.')
    .argument('[directory]', 'an export to check instead of the own log')
    .option('--public-key <file>', 'key to check with (default: the own one)')
    .addOption(configFile())
    .addOption(json())
    .action(does(() => import('./audit-log-verify.js')));
  auditLog
    .command('export')
    .description('Copy records to a new directory, with a signed manifest and the public key.')
    .argument('<directory>', 'where to; it must not hold an export')
    .option('--from <time>', 'not older: ISO 8601, or a duration back from now such as 2h')
    .option('--to <time>', 'not newer, in the same forms')
    .addOption(configFile())
    .addOption(json())
    .action(does(() => import('./audit-log-export.js')));
  auditLog
    .command('key')
    .description('Print the public key that the log is signed with.')
    .addOption(configFile())
    .addOption(json())
    .action(does(() => import('./audit-log-key.js')));
}

function declarePins(pins: Command, does: Does): void {
  const command = (name: string, description: string) =>
    pins
      .command(name)
      .description(description)
      .argument('[items...]', 'a provider, or provider:name for one item; without, all')
      .addOption(configFile())
      .addOption(logLevel('silent'))
      .addOption(json());
  command('list', 'Show every pinned item and how it stands.').action(does(() => import('./pins-list.js')));
  command('diff', 'Show what differs from the approved form, field by field; exit 1 when something does.').action(
    does(() => import('./pins-diff.js')),
  );
  command('approve', 'Make the forms that are offered now the approved ones; running servers follow within a second.')
    .option('--all', 'everything that waits for a decision')
    .option('--lock', 'keep all pins of these servers in the lock file from now on')
    .action(does(() => import('./pins-approve.js')));
  command('reject', 'Refuse the forms that are offered now, whatever the policy; an approved form stays approved.')
    .option('--all', 'everything that waits for a decision')
    .action(does(() => import('./pins-reject.js')));
}

const configFile = () =>
  new Option('--config <file>', 'configuration file (default: ./seaworthy.yaml, .yml or .json, else the embedded one)');
const json = (text = 'print one JSON document') => new Option('--json', text);
const asWhom = () =>
  new Option('--as <who>', 'a key or its id, role:NAME, or a principal as JSON').makeOptionMandatory();
const remoteUrl = () => new Option('--url <address>', 'ask a running server, such as http://127.0.0.1:53000/mcp');
const remoteKey = () => new Option('--key <key>', 'API key for --url');
const logLevel = (standard: string) =>
  new Option('--log-level <level>', `what is logged on stderr (default: ${standard})`).choices([
    'debug',
    'info',
    'warn',
    'error',
    'silent',
  ]);

const exitCodeHelp = `
Exit codes: 0 done, 1 what was asked for failed, 2 command line or configuration wrong, 3 something does not answer.`;
