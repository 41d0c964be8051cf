import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A file in which a client may keep its servers. */
export interface Place {
  /** For people: which client the file belongs to. */
  readonly client: string;
  readonly file: string;
  /** `toml` is reported and not read. */
  readonly format: 'json' | 'toml';
}

/** Where to look. Everything is passed in, so that a test can look elsewhere. */
export interface Surroundings {
  readonly cwd: string;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The well-known places of client configurations, nearest to the project first. */
export function wellKnownPlaces({ cwd, home, platform, environment }: Surroundings): readonly Place[] {
  const json = (client: string, ...path: string[]): Place => ({ client, file: join(...path), format: 'json' });
  return [
    json('project', cwd, '.mcp.json'),
    json('Cursor', cwd, '.cursor', 'mcp.json'),
    json('VS Code', cwd, '.vscode', 'mcp.json'),
    json('Claude Code', home, '.claude.json'),
    json('Claude Desktop', claudeDesktopFolder(home, platform, environment), 'claude_desktop_config.json'),
    json('Cursor', home, '.cursor', 'mcp.json'),
    json('Windsurf', home, '.codeium', 'windsurf', 'mcp_config.json'),
    json('Zed', environment['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'zed', 'settings.json'),
    { client: 'Codex', file: join(home, '.codex', 'config.toml'), format: 'toml' },
  ];
}

/** Those that exist. */
export const existingPlaces = (surroundings: Surroundings): readonly Place[] =>
  wellKnownPlaces(surroundings).filter(({ file }) => existsSync(file));

function claudeDesktopFolder(
  home: string,
  platform: NodeJS.Platform,
  environment: Surroundings['environment'],
): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Claude');
  if (platform === 'win32') return join(environment['APPDATA'] ?? join(home, 'AppData', 'Roaming'), 'Claude');
  return join(environment['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'Claude');
}
