import type { InboundCall } from '#protocol/server/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import type { Provider, View } from '../catalog/index.js';
import type { Facts, Rights, SubjectKind } from '../policy/index.js';

/** Who will do the work of a call, under which name of its own. */
export interface CallTarget {
  readonly provider: Provider;
  readonly kind: SubjectKind;
  /** The tool as its provider lists it, where that is known. */
  readonly tool: JsonObject | undefined;
  /** What admission asks for besides the name. */
  readonly facts: Facts;
  /** The provider's own name or URI. */
  readonly name: string;
  /** `params` in the provider's own names. */
  readonly params: JsonObject;
  /** Input schema of a tool, for the validation of its arguments. */
  readonly inputSchema: JsonObject | undefined;
  /** Output schema of a tool, where it has one. */
  readonly outputSchema: unknown;
}

/** One call on its way through the stages; each stage fills in what the next one needs. */
export interface Flow {
  readonly call: InboundCall;
  readonly rights: Rights;
  /** Set by resolve: what the principal sees at this route. */
  view: View | undefined;
  /** Set by resolve for methods that a provider answers. */
  target: CallTarget | undefined;
  /** Set by call: `performance.now()` when the provider got the call and when it answered. */
  invokedAt: number | undefined;
  answeredAt: number | undefined;
  /** Set by shape: size of the result. */
  bytesOut: number | undefined;
  /** Set by limit: gives back what the call holds. */
  release: (() => void) | undefined;
}
