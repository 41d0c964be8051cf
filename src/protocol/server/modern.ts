import { CallScope, type Origin, type Principal } from '#kernel/context/index.js';
import { argumentsTextOf, type RpcMessage, type RpcRequest } from '../jsonrpc/index.js';
import { passesLogLevel, type Channel, type ListenFilter } from '../model/index.js';
import { modern } from '../revisions/index.js';
import type { HttpAnswer } from '../transport/index.js';
import { encodeError, encodeNotification, encodeResult } from './encode.js';
import { toFailure } from './failure.js';
import type { Route } from './handler.js';
import { compareVersionAndMethod, requireStandardHeaders, type HeaderOf } from './headers.js';
import type { ServingContext } from './peer.js';
import { readFilter } from './listen-filter.js';
import { relayListen, subscriptionTag } from './listen-relay.js';
import type { StreamKeeper } from './stream-keeper.js';

/** One POST of a modern client, classified. */
export interface ModernPost {
  readonly entry: RpcMessage;
  readonly body: Buffer;
  readonly wideNumber: boolean;
  readonly header: HeaderOf;
  readonly route: Route;
  readonly principal: Principal;
  readonly startedAt: number;
  readonly origin: Origin;
}

/** Serves one POST of revision 2026-07-28: no session, everything is in the request. */
export function serveModern(context: ServingContext, keeper: StreamKeeper, post: ModernPost, answer: HttpAnswer): void {
  if (post.entry.kind !== 'request') {
    // Over HTTP a modern client ends a call by closing its stream; its notifications need no action.
    answer.empty(202);
    return;
  }
  const message = post.entry.message;
  const scope = new CallScope(
    post.origin.requestId ?? context.nextRequestId(),
    post.principal,
    post.startedAt,
    traceparentOf(message),
    post.origin,
  );
  let decoded: modern.Decoded;
  try {
    decoded = admitRequest(post, message);
  } catch (error) {
    answerFailure(error, message, scope, answer);
    return;
  }
  answer.onDisconnect(() => scope.cancel('disconnect'));
  if (message.method === 'subscriptions/listen') serveListen(context, keeper, post, message, decoded, scope, answer);
  else void serveCall(context, keeper, post, message, decoded, scope, answer);
}

/** The checks in the order that the specification gives them. */
function admitRequest(post: ModernPost, message: RpcRequest): modern.Decoded {
  const argumentsText = post.wideNumber ? argumentsTextOf(post.body) : undefined;
  const decoded = modern.decodeRequest(message, argumentsText);
  compareVersionAndMethod(post.header, decoded.client.revision, message.method);
  modern.requireSupported(decoded.client.revision);
  requireStandardHeaders(post.header, decoded.request);
  return decoded;
}

async function serveCall(
  context: ServingContext,
  keeper: StreamKeeper,
  post: ModernPost,
  message: RpcRequest,
  { request, client }: modern.Decoded,
  scope: CallScope,
  answer: HttpAnswer,
): Promise<void> {
  const channel: Channel = {
    notify: (notification) => {
      if (!passesLogLevel(notification, client.logLevel)) return;
      keeper.open(answer);
      answer.event([encodeNotification(notification)]);
    },
  };
  context.calls.enter();
  try {
    const result = await context.handler.handle({
      request,
      client,
      route: post.route,
      scope,
      channel,
      session: undefined,
      header: post.header,
      bytesIn: post.body.length,
    });
    const pieces = encodeResult(message.id, message.method, result, client, context.serverInfo);
    if (answer.state === 'waiting') answer.json(200, pieces);
    else {
      answer.event(pieces);
      answer.end();
    }
  } catch (error) {
    answerFailure(error, message, scope, answer);
  } finally {
    context.calls.leave();
  }
  if (scope.awaited)
    answer.onceGone(() => {
      scope.end();
    });
}

function answerFailure(error: unknown, message: RpcRequest, scope: CallScope, answer: HttpAnswer): void {
  const failure = toFailure(error, 'modern', message.method, scope.id);
  const text = encodeError(message.id, failure.error);
  if (answer.state === 'waiting') answer.json(failure.status, [text], failure.headers);
  else {
    answer.event([text]);
    answer.end();
  }
}

/** `subscriptions/listen`: acknowledge, then relay what was asked for until either side ends it. */
function serveListen(
  context: ServingContext,
  keeper: StreamKeeper,
  post: ModernPost,
  message: RpcRequest,
  { request, client }: modern.Decoded,
  scope: CallScope,
  answer: HttpAnswer,
): void {
  let filter: ListenFilter;
  try {
    filter = readFilter(request.params['notifications']);
    keeper.admitListener(post.principal);
  } catch (error) {
    answerFailure(error, message, scope, answer);
    return;
  }
  const { route, principal } = post;
  const listening = relayListen(
    context.handler,
    message,
    { client, route, principal, session: undefined, filter, origin: post.origin },
    (pieces) => answer.event(pieces),
  );
  const release = keeper.openListener(answer, post.principal, () => {
    // A drain ends the stream politely: the empty result says that nothing was lost.
    const empty = { _meta: subscriptionTag(message) };
    answer.event(encodeResult(message.id, message.method, empty, client, context.serverInfo));
    answer.end();
    listening.close();
  });
  scope.onCancel(() => {
    listening.close();
    release();
  });
  listening.acknowledged.catch((error: unknown) => {
    listening.close();
    release();
    answerFailure(error, message, scope, answer);
  });
}

/** W3C trace context from `_meta` (2026-07-28, basic: trace context). */
function traceparentOf(message: RpcRequest): string | undefined {
  const given = message.params?.['_meta'];
  if (typeof given !== 'object' || given === null) return undefined;
  const { traceparent } = given as { traceparent?: unknown };
  return typeof traceparent === 'string' ? traceparent : undefined;
}
