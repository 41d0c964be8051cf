/**
 * Refuses a commit message that is not a conventional commit with a folder as its scope.
 * Usage: tsx scripts/check-commit-message.ts FILE   (the commit-msg hook passes the file)
 */
import { readFileSync } from 'node:fs';

const types = ['feat', 'fix', 'perf', 'refactor', 'docs', 'test', 'build', 'ci', 'chore', 'revert'];
const maxSubjectLength = 100;

const file = process.argv[2];
if (file === undefined) {
  console.error('usage: tsx scripts/check-commit-message.ts FILE');
  process.exit(64);
}
const subject = readFileSync(file, 'utf8').split('\n', 1)[0] ?? '';

const problems: string[] = [];
// Git writes merge, revert and fixup subjects itself.
if (!/^(Merge |Revert "|fixup! |squash! )/.test(subject)) {
  if (!new RegExp(`^(${types.join('|')})(\\([a-z0-9/,-]+\\))?!?: \\S`).test(subject))
    problems.push(`it must read "type(scope): what it does", with one of: ${types.join(', ')}`);
  if (subject.length > maxSubjectLength) problems.push(`its subject is longer than ${maxSubjectLength} characters`);
  if (subject.endsWith('.')) problems.push('its subject ends with a full stop');
}
if (problems.length > 0) {
  console.error(`commit message refused: ${subject}`);
  for (const problem of problems) console.error(`  - ${problem}`);
  console.error('  example: fix(upstreams): answer in-flight calls when a child exits');
  process.exit(1);
}
