// Arrows between folders point down: docs/decisions/0002-layers.md. test/layers.test.ts proves that every rule bites.

/** Lowest layer first. */
const layers = ['kernel', 'protocol', 'gateway', 'modules', 'app'];

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

const downward = layers
  .slice(0, -1)
  .map((layer, i) =>
    rule(
      `${layer}-looks-down`,
      `Pass it in from src/app: ${layer} is below it.`,
      { path: `^src/${layer}/` },
      { path: `^src/(${layers.slice(i + 1).join('|')})/` },
    ),
  );

const isTest = '[.]test[.]ts$';

export default {
  forbidden: [
    ...downward,
    rule(
      'modules-are-islands',
      'Share through kernel or gateway, never sideways.',
      { path: '^src/modules/([^/]+)/' },
      { path: '^src/modules/([^/]+)/', pathNot: '^src/modules/$1/' },
    ),
    rule(
      'use-the-front-door',
      'Import a folder through its index.ts.',
      { path: '^src/([^/]+/[^/]+)(?:/|[.]ts$)' },
      { path: '^src/[^/]+/[^/]+/.', pathNot: ['^src/$1/', '^src/[^/]+/[^/]+/index[.]ts$'] },
    ),
    rule(
      'doors-use-the-front-door',
      'Import a folder through its index.ts.',
      { path: '^src/[^/]+[.]ts$' },
      { path: '^src/[^/]+/[^/]+/.', pathNot: '^src/[^/]+/[^/]+/index[.]ts$' },
    ),
    rule(
      'nobody-imports-a-door',
      'The doors (src/index.ts, module.ts, testing.ts) are for users: import the folder behind them.',
      { path: '^src/[^/]+/' },
      { path: '^src/[^/]+[.]ts$' },
    ),
    rule('no-cycles', 'Split the file or invert the arrow.', {}, { circular: true }),
    rule(
      'processes-are-rare',
      'Starting a process is a power: add a place here with a decision record.',
      {
        path: '^src/',
        pathNot: [
          '^src/(kernel/secrets|protocol/transport|gateway/upstreams|modules/(workspace|scout|sentinel))/',
          isTest,
        ],
      },
      { path: '^(node:)?child_process$' },
    ),
    rule(
      'console-sees-the-contract',
      'Share app/admin/contract.ts only.',
      { path: '^console/' },
      { path: '^src/', pathNot: '^src/app/admin/contract[.]ts$' },
    ),
    rule(
      'console-shares-types-only',
      'Use import type.',
      { path: '^console/' },
      { path: '^src/', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'src-stands-alone',
      'Never import tests, scripts, benchmarks or examples.',
      { path: '^src/', pathNot: isTest },
      { path: ['^(test|scripts|bench|examples)/', isTest] },
    ),
    rule(
      'only-shipped-packages',
      'Move it to dependencies, or out of src: development dependencies are not installed by users.',
      { path: '^src/', pathNot: isTest },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'everything-resolves',
      'The import leads nowhere.',
      { path: '^(src|test|scripts|bench|examples)/' },
      // Its own name resolves once it is built.
      { couldNotResolve: true, pathNot: '^seaworthy(/|$)' },
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|coverage|[.]cache)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['seaworthy-source', 'import', 'node', 'default', 'types'],
    },
  },
};
