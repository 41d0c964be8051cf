import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const languages: Record<string, string> = { '.ts': 'ts', '.yaml': 'yaml', '.sh': 'sh' };

/**
 * A page whose snippets are whole files of the project, which are compiled and tested. A comment names the file, the
 * block below it is replaced by what the file holds:
 *
 *   <!-- snippet: examples/glossary.ts -->
 */
export function fillSnippets(page: string): string {
  const blocks = /^<!-- snippet: (\S+) -->\n\n```[\s\S]*?^```$/gm;
  return readFileSync(join(root, page), 'utf8').replace(blocks, (_block, file: string) => {
    const language = languages[extname(file)] ?? '';
    return `<!-- snippet: ${file} -->\n\n\`\`\`${language}\n${readFileSync(join(root, file), 'utf8')}\`\`\``;
  });
}
