type Environment = Readonly<Record<string, string | undefined>>;

/** What a program needs to find itself and its files; everything else of our environment may be a secret. */
const inherited = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER', 'SHELL'];

/** The environment of a child: a few variables of `base`, and what the configuration sets. */
export function childEnvironment(base: Environment, configured: Readonly<Record<string, string>> = {}) {
  const environment: Record<string, string> = {};
  for (const name of inherited) {
    const value = base[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...configured };
}
