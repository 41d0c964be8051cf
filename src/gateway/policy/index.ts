export { compilePolicy, type AccessRule, type Policy, type Rights, type SubjectKind } from './policy.js';
export { compileGlob } from './glob.js';
