/** The part of a `tools/call` request that an echo needs. */
export interface EchoRequest {
  readonly id: number | string;
  readonly params: { readonly arguments: { readonly message: string } };
}

/** The answer that every echo of this folder gives: the call's message as one text. */
export function echoAnswer(request: EchoRequest): object {
  return {
    jsonrpc: '2.0',
    id: request.id,
    result: { content: [{ type: 'text', text: request.params.arguments.message }], resultType: 'complete' },
  };
}
