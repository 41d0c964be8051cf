/** Environment variables as a value. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of this process, copied: the only place that reads them, so that all else can be given others. */
export const readEnvironment = (): Environment => Object.freeze({ ...process.env });
