export { compilePolicy, type Explanation, type LookedAt, type Policy, type PolicyOptions } from './policy.js';
export type { Rights } from './rights.js';
export type { AccessRule } from './rule.js';
export type { ScopeRule } from './required-scopes.js';
export type { Decision, Facts, Subject } from './subject.js';
export type { SubjectKind } from './pattern.js';
export { compileGlob } from './glob.js';
