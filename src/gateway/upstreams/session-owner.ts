import type { Implementation, JsonObject } from '#protocol/model/index.js';

/** Whose legacy session it is. */
export interface SessionOwner {
  /** `own` for lists, `session:…` for a legacy client, `principal:…` for modern ones. */
  readonly key: string;
  /** Key of the client's session, where the owner is one. */
  readonly sessionKey: string | undefined;
  readonly info: Implementation;
  readonly capabilities: JsonObject;
}
