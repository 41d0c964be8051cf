export { RawResult } from './raw-result.js';
export { parseMembers, type Members, type MemberSpan } from './scan.js';
export { argumentsTextOf, isObject, parseStrict, type StrictJson } from './parse.js';
export {
  isRequestId,
  PeerError,
  toMessage,
  toRpcError,
  type RpcErrorObject,
  type RpcMessage,
  type RpcNotification,
  type RpcRequest,
  type RpcResponse,
} from './message.js';
