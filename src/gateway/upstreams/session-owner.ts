import type { Implementation, JsonObject, SessionRef } from '#protocol/model/index.js';

/** Who may hear what the server says outside of calls; neither: everyone. */
export interface Audience {
  readonly principalId?: string | undefined;
  /** Key of the client's session, where it has one: nobody else hears it then. */
  readonly sessionKey?: string | undefined;
  /** Asks the client of that session outside of any call. */
  readonly ask?: SessionRef['ask'];
}

/** Whose legacy session it is. */
export interface SessionOwner extends Audience {
  /** `own` for lists, `session:…` for a legacy client, `principal:…` for modern ones. */
  readonly key: string;
  readonly info: Implementation;
  readonly capabilities: JsonObject;
}
