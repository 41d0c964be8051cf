import { compilePolicy } from '#gateway/policy/index.js';
import type { ProviderSnapshot } from '#gateway/catalog/index.js';
import { adminName } from '../api/index.js';
import type { Config } from '../config.js';
import { ok, warning, type Finding } from './finding.js';

const check = 'access';

/**
 * Rules that allow nothing, or everything.
 * @param unavailable providers that did not answer: what they offer cannot be judged
 */
export function checkAccess(
  { access }: Config,
  snapshots: readonly ProviderSnapshot[],
  unavailable: readonly string[],
): Finding[] {
  const rules = access.flatMap(({ role, scopes, principals, allow }) =>
    allow.map((pattern) => ({ role: role ?? [...principals, ...scopes].join(', '), pattern })),
  );
  if (rules.length === 0)
    return [
      warning(
        check,
        'No rule allows anything: every call is refused.',
        'Add allow rules under access, or run seaworthy init.',
      ),
    ];
  const findings = rules.flatMap(({ role, pattern }) => {
    if (pattern === '*:*')
      return [
        warning(
          check,
          `${role} may use everything, also what is added later (*:*).`,
          'Name providers, or tools, instead.',
        ),
      ];
    if (pattern.startsWith(`${adminName}:`)) return [];
    return matchesSomething(pattern, snapshots, unavailable)
      ? []
      : [
          warning(
            check,
            `The rule "${pattern}" of ${role} matches nothing.`,
            'Compare it with seaworthy tools, or remove it.',
          ),
        ];
  });
  return findings.length > 0 ? findings : [ok(check, `${rules.length} rules, each matches something.`)];
}

function matchesSomething(
  pattern: string,
  snapshots: readonly ProviderSnapshot[],
  unavailable: readonly string[],
): boolean {
  const policy = compilePolicy([{ role: 'one', allow: [pattern] }]);
  const rights = policy.rightsOf({ id: 'doctor', kind: 'local', name: 'doctor', roles: ['one'] });
  return (
    unavailable.some((id) => rights.reaches(id)) ||
    snapshots.some(
      ({ provider, tools, prompts, resources, resourceTemplates }) =>
        tools.some(({ name }) => rights.admits(provider, 'tool', name)) ||
        prompts.some(({ name }) => rights.admits(provider, 'prompt', name)) ||
        resources.some(({ uri }) => rights.admits(provider, 'resource', uri)) ||
        resourceTemplates.some(({ uriTemplate }) => rights.admits(provider, 'resource', uriTemplate)),
    )
  );
}
