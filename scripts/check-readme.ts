/**
 * Follows README.md, then the tutorial, word for word in a fresh clone: every `sh` block is run in the order of the page,
 * and must succeed. A page begins with what git has, what npm installed and what was built before it. What a newcomer
 * does besides typing is said in a comment right above a block:
 *
 *   <!-- readme: until "TEXT" -->   leave it running and go on when its output shows TEXT; it is stopped (Ctrl-C) at the
 *                                   end of the page, or before the next one of this kind
 *   <!-- readme: shows "TEXT" -->   its output must show TEXT
 *   <!-- readme: file NAME -->      save the block (of any language) as NAME
 *   <!-- readme: skip, REASON -->   do not run it
 *
 * Usage: npm run readme:check [-- --except TEXT]   (--except leaves out blocks that contain TEXT)
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

interface Block {
  readonly line: number;
  readonly language: string;
  readonly instruction: string | undefined;
  readonly text: string;
}

const blockLimitMs = 900_000;
const stopLimitMs = 15_000;

const pages = ['README.md', 'docs/tutorial/first-endpoint.md'];
const root = join(import.meta.dirname, '..');
const { values: options } = parseArgs({ options: { except: { type: 'string' } } });
const background: ChildProcess[] = [];

function blocksOf(markdown: string): Block[] {
  const fenced = /^(?:<!-- readme: (.*?) -->\n+)?```(\w+)\n([\s\S]*?)^```$/gm;
  return [...markdown.matchAll(fenced)].map(([, instruction, language = '', text = ''], i, all) => {
    const line = markdown.slice(0, all[i]?.index).split('\n').length;
    return { line, language, instruction, text };
  });
}

/**
 * Runs a block to its end, or, where `goOn` says so, only until its output shows `text`; rejects when it fails, takes
 * too long, or never shows the text.
 */
async function run({ text: commands, line }: Block, cwd: string, goOn: boolean, text = ''): Promise<void> {
  const child = spawn('bash', ['-eo', 'pipefail', '-c', commands], {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const shown = new Promise<'shown'>((show) => {
    const watch = (chunk: Buffer) => {
      process.stdout.write(chunk);
      output += chunk.toString();
      if (goOn && output.includes(text)) show('shown');
    };
    child.stdout.on('data', watch);
    child.stderr.on('data', watch);
  });
  const timer = setTimeout(() => {
    signal(child, 'SIGKILL');
  }, blockLimitMs);
  try {
    // 'close', not 'exit': only then has all of the output arrived.
    const outcome = await Promise.race([shown, once(child, 'close') as Promise<[number | null, string | null]>]);
    if (outcome === 'shown') background.push(child);
    else if (!goOn && outcome[0] !== 0) throw new Error(`line ${line}: it ended with ${outcome[0] ?? outcome[1]}`);
    else if (goOn || !output.includes(text)) throw new Error(`line ${line}: it ended without showing "${text}"`);
  } finally {
    clearTimeout(timer);
  }
}

/** To the whole group: npm, its shell and the program. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => {
    signal(child, 'SIGKILL');
  }, stopLimitMs);
  const exited = once(child, 'exit');
  signal(child, 'SIGINT');
  await exited;
  clearTimeout(timer);
}

async function stopBackground(): Promise<void> {
  for (const child of background.splice(0)) await stop(child);
}

async function follow(block: Block, clone: string): Promise<void> {
  const [, verb, subject = ''] = /^(until|shows|file|skip),? ?"?(.*?)"?$/.exec(block.instruction ?? '') ?? [];
  if (block.instruction !== undefined && verb === undefined)
    throw new Error(`line ${block.line}: ${block.instruction}?`);
  if (verb === 'file') {
    mkdirSync(dirname(join(clone, subject)), { recursive: true });
    writeFileSync(join(clone, subject), block.text);
    return;
  }
  const excepted = options.except !== undefined && block.text.includes(options.except);
  if (block.language !== 'sh' || verb === 'skip' || excepted) return;
  console.log(`\n$ ${block.text.trimEnd().replaceAll('\n', '\n  ')}`);
  if (verb === 'until') await stopBackground();
  await run(block, clone, verb === 'until', subject);
}

async function followPage(page: string, clone: string): Promise<void> {
  try {
    for (const block of blocksOf(readFileSync(join(clone, page), 'utf8'))) await follow(block, clone);
    console.log(`\n${page} works word for word`);
  } catch (error) {
    throw new Error(`${page} ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await stopBackground();
  }
}

const clone = mkdtempSync(join(tmpdir(), 'readme-'));
try {
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', root, clone], { stdio: 'inherit' });
  for (const page of pages) {
    execFileSync('git', ['clean', '-qfdx', '-e', 'node_modules', '-e', 'dist'], { cwd: clone, stdio: 'inherit' });
    await followPage(page, clone);
  }
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(clone, { recursive: true, force: true });
}
