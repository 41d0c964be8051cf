/** The released revisions of the MCP specification, newest first. */
export const revisions = ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;
export type Revision = (typeof revisions)[number];

/** Two wires: `legacy` has initialize and sessions, `modern` carries everything in each request. */
export type Family = 'legacy' | 'modern';

export const latestModern = '2026-07-28' satisfies Revision;
export const latestLegacy = '2025-11-25' satisfies Revision;
export const modernRevisions = [latestModern] as const;
export const legacyRevisions = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

export const isRevision = (value: unknown): value is Revision => (revisions as readonly unknown[]).includes(value);
export const familyOf = (revision: Revision): Family => (revision === latestModern ? 'modern' : 'legacy');
