import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const checks: Check[] = [];

/** Notes and prints one check: `name ok|fail detail`. One that failed makes the exit code 1. */
export function check(name: string, ok: boolean, detail: string): void {
  checks.push({ name, ok, detail });
  process.stdout.write(`${name.padEnd(24)} ${ok ? 'ok  ' : 'fail'} ${detail}\n`);
  if (!ok) process.exitCode = 1;
}

/** Tells a person how far a long run is; nothing where nobody looks. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text.padEnd(60)}`);
}

/** Keeps all checks of this run as JSON. */
export function writeChecks(path: string, mode: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify({ mode, node: process.version, checks }, undefined, 2)}\n`);
}
