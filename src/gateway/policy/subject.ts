import type { JsonObject } from '#protocol/model/index.js';
import type { SubjectKind } from './pattern.js';

/** What somebody wants to use. */
export interface Subject {
  readonly provider: string;
  readonly kind: SubjectKind;
  /** The provider's own name (or URI), never the shown one. */
  readonly name: string;
  /** The tool as its provider lists it, for conditions on its annotations; without, such conditions are left open. */
  readonly tool?: JsonObject | undefined;
}

/** What is known of a call and not of a list. */
export interface Facts {
  /** Absent where the arguments are of an earlier call (a task) or not complete yet: conditions on them are left open. */
  readonly args?: JsonObject | undefined;
  /** Scopes that the tool itself demands. */
  readonly scopes?: readonly string[] | undefined;
}

/** The answer of admission. */
export interface Decision {
  readonly allowed: boolean;
  /** Why; `scope`: a rule allows it, but the credential lacks scopes. `failed`: a condition could not be evaluated. */
  readonly reason: 'allowed' | 'denied' | 'no rule' | 'failed' | 'scope';
  /** The pattern that decided, such as `access[2].allow[0]`; undefined where none matched. */
  readonly rule: string | undefined;
  /** The person must be asked before the call is made. */
  readonly requiresConfirmation: boolean;
  /** Scopes that the credential lacks. */
  readonly missingScopes: readonly string[];
  /** All scopes that the operation needs, where some are missing. */
  readonly requiredScopes: readonly string[];
}
