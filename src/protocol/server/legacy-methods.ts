import { fail } from '#kernel/errors/index.js';
import type { CallScope } from '#kernel/context/index.js';
import type { RpcRequest } from '../jsonrpc/index.js';
import type { Channel, ClientFacts, JsonObject, ModelResult, SessionRef } from '../model/index.js';
import { legacy, modern } from '../revisions/index.js';
import type { ServingContext } from './peer.js';
import type { LiveSession } from './live-session.js';
import type { SessionFacts } from './session-token.js';

/** A legacy request inside its session, ready to be answered. */
export interface LegacyRequest {
  readonly message: RpcRequest;
  readonly argumentsText: string | undefined;
  readonly facts: SessionFacts;
  readonly session: SessionRef;
  readonly client: ClientFacts;
  /** Makes the live part of the session when a method needs it. */
  readonly live: () => LiveSession;
  readonly scope: CallScope;
  readonly channel: Channel;
  readonly bytesIn: number;
}

/**
 * Answers one legacy request, whatever the transport: what the family has and the model has not is done here, the
 * rest is the handler's.
 * @throws SeaworthyError, PeerError
 */
export async function answerLegacy(context: ServingContext, call: LegacyRequest): Promise<ModelResult> {
  const { message, facts } = call;
  switch (message.method) {
    case 'ping':
      await context.handler.admit(call.scope.principal);
      return {};
    case 'logging/setLevel': {
      const level = message.params?.['level'];
      if (!modern.isLogLevel(level)) throw fail('SW_PARAMS_INVALID', { reason: 'level is not a log level' });
      await context.handler.admit(call.scope.principal);
      await call.live().setLogLevel(level);
      return {};
    }
    case 'resources/subscribe':
      await context.handler.admit(call.scope.principal);
      await call.live().watch(uriOf(message));
      return {};
    case 'resources/unsubscribe':
      await context.handler.admit(call.scope.principal);
      await call.live().unwatch(uriOf(message));
      return {};
    case 'initialize':
      throw fail('SW_REQUEST_INVALID', { reason: 'the session is initialized already' });
    case 'server/discover':
    case 'subscriptions/listen':
      // Methods of the modern family need its envelope.
      throw fail('SW_METHOD_UNKNOWN', { method: message.method });
    default:
      return context.handler.handle({
        request: legacy.decodeRequest(message, call.argumentsText),
        client: call.client,
        route: { provider: facts.provider },
        scope: call.scope,
        channel: call.channel,
        session: call.session,
        header: undefined,
        bytesIn: call.bytesIn,
      });
  }
}

/** Most messages of one batch. */
const maxBatch = 50;

/** Batches exist in revision 2025-03-26 only. @throws SW_BATCH_UNSUPPORTED, SW_REQUEST_INVALID */
export function admitBatch(facts: SessionFacts | undefined, messages: number): void {
  if (facts?.revision !== '2025-03-26') throw fail('SW_BATCH_UNSUPPORTED');
  if (messages > maxBatch) throw fail('SW_REQUEST_INVALID', { reason: `a batch has at most ${maxBatch} messages` });
}

function uriOf(message: RpcRequest): string {
  const uri = message.params?.['uri'];
  if (typeof uri !== 'string') throw fail('SW_PARAMS_INVALID', { reason: 'uri must be a string' });
  return uri;
}

/** Asks the handler to describe itself and puts the answer in the words of `initialize`. */
export async function initialize(
  context: ServingContext,
  facts: SessionFacts,
  scope: CallScope,
  bytesIn: number,
): Promise<JsonObject> {
  const discover = await context.handler.handle({
    request: { method: 'server/discover', params: {} },
    client: { family: 'legacy', revision: facts.revision, info: facts.info, capabilities: facts.capabilities },
    route: { provider: facts.provider },
    scope,
    channel: { notify: () => {} },
    session: { key: facts.key },
    header: undefined,
    bytesIn,
  });
  return legacy.encodeInitialize(discover as JsonObject, facts.revision);
}
