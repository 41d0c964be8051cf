import { isObject, type RpcRequest } from '../jsonrpc/index.js';
import { meta, type JsonObject, type ModelNotification } from '../model/index.js';
import { encodeNotification, type Pieces } from './encode.js';
import type { Handler, Listener } from './handler.js';

/** What a notification or result of one `subscriptions/listen` carries in `_meta`. */
export const subscriptionTag = (message: RpcRequest): JsonObject => ({ [meta.subscriptionId]: message.id });

/**
 * Serves one `subscriptions/listen` of the modern family on any transport: the acknowledgement first, then what the
 * filter asked for, each tagged with the id of the request. What happens before the acknowledgement waits for it.
 */
export function relayListen(
  handler: Handler,
  message: RpcRequest,
  listener: Omit<Listener, 'notify'>,
  write: (pieces: Pieces) => void,
): { readonly acknowledged: Promise<void>; close(): void } {
  const tag = subscriptionTag(message);
  const early: ModelNotification[] = [];
  let open = false;
  const send = ({ method, params }: ModelNotification) => {
    const own = isObject(params['_meta']) ? params['_meta'] : {};
    write([encodeNotification({ method, params: { ...params, _meta: { ...own, ...tag } } })]);
  };
  const listening = handler.listen({
    ...listener,
    notify: (notification) => {
      if (open) send(notification);
      else early.push(notification);
    },
  });
  const acknowledged = listening.acknowledged.then((notifications) => {
    send({ method: 'notifications/subscriptions/acknowledged', params: { notifications } });
    open = true;
    for (const notification of early.splice(0)) send(notification);
  });
  return { acknowledged, close: () => listening.close() };
}
