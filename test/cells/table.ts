import { type Cell, type CellTable, type Cells, type ClientTransport } from './dimensions.js';
import { clients, everywhere, holds, impossible, servers, translated } from './expectations.js';

/**
 * What every client gets from every server through the gateway (docs/reference/cells.md is made from it). A client is
 * told what its own family says, whatever the server speaks.
 */
export const cellTable: CellTable = {
  'initialize or discover': everywhere(
    holds(
      'conformance-fixture, completions logging prompts.listChanged resources.subscribe.listChanged tools.listChanged, "Call what the test needs."',
    ),
  ),
  call: everywhere(holds('text This is a simple text response for testing.')),
  'tool error': everywhere(holds('isError This tool intentionally returns an error for testing')),
  'unknown tool': everywhere(overHttp(200, 'error -32602')),
  'unknown method': clients({
    legacy: overHttp(200, 'error -32601', 'a 404 would mean that the session has ended'),
    modern: overHttp(404, 'error -32601'),
  }),
  'every page of a list': everywhere(holds('template, numbers')),
  'read a resource': everywhere(holds('{"id":"7","templateTest":true,"data":"Data for ID: 7"}')),
  'missing resource': clients({
    legacy: overHttp(200, 'error -32002 {"uri":"test://nothing"}', 'the code of the older revisions'),
    modern: overHttp(200, 'error -32602 {"uri":"test://nothing"}'),
  }),
  prompt: everywhere(holds("Prompt with arguments: arg1='a', arg2='b'")),
  completion: everywhere(holds('paris, park, party')),
  'protocol error': everywhere(holds('error 4242 {"reason":"it is a test","depth":[1,{"two":2}]}')),
  'large result': everywhere(holds('text xxx… 1000000')),
  'unknown members': everywhere(
    holds(
      '{"content":[{"type":"text","text":"members"}],"futureMember":{"kept":"ä\u2028\\""},"received":"there and back"}',
    ),
  ),
  'concurrent calls': everywhere(holds('each its own answer')),
  ping: clients({ legacy: overHttp(200, 'result {}', 'answered by the gateway'), modern: removedMethod() }),
  progress: everywhere(holds(`${Array.from({ length: 20 }, (_, index) => index + 1).join(' ')} result`)),
  'log message, no level given': {
    legacy: servers({
      legacy: holds('info Seen only with a log level, result', 'the server decides what it sends'),
      modern: impossible('result', 'without a level a server of 2026-07-28 must not send any'),
    }),
    modern: servers({
      legacy: holds('result', 'what the server sends all the same is dropped'),
      modern: holds('result'),
    }),
  },
  'set the log level': clients({ legacy: overHttp(200, 'result {}'), modern: removedMethod() }),
  'log message': crossing('info Seen only with a log level, result', {
    toModern: 'the level of the session goes with each request',
    toLegacy: 'the level of the request is set for the session; what is below it is dropped',
  }),
  'list changed': crossing('text Announced. list_changed', {
    toModern: 'the gateway listens for the session',
    toLegacy: 'what arrives on the stream of the session goes to whoever listens',
  }),
  'resource updated': crossing('updated, then nothing more', {
    toModern: 'subscriptions of the session become what the gateway listens to',
    toLegacy: 'the gateway subscribes for whoever listens',
  }),
  'elicitation, form': questions('elicitation form: text Hello, Ada!'),
  'elicitation, link': questions('elicitation https://example.com/sign-in: text Link: accept'),
  'elicitation from a prompt': questions('elicitation form: Use this context: Ada'),
  sampling: questions('sampling: text LLM response: Paris'),
  roots: questions('roots: text Roots: file:///cells'),
  'several questions at once': questions('elicitation form, roots, sampling: text All inputs received.'),
  'several rounds': questions('elicitation form, elicitation form: text All done.'),
  'capability not declared': clients({
    legacy: overHttp(200, 'isError naming sampling', 'never asked; the failure of a call is a result'),
    modern: overHttp(400, 'error -32021 {"requiredCapabilities":{"sampling":{}}}', 'never asked'),
  }),
  cancellation: everywhere(holds('the server cancelled it')),
  'disconnect during a call': clients({
    legacy: holds('the server finished it', 'a lost connection is no cancellation'),
    modern: {
      http: holds('the server cancelled it', 'a closed stream is a cancellation'),
      stdio: holds('the server finished it', 'a client that closes its end can still read the answers'),
    },
  }),
  'resume with Last-Event-ID': clients({
    legacy: { http: holds('text held it', 'from the events that the gateway keeps'), stdio: noStreams() },
    modern: { http: impossible('405', 'streams of 2026-07-28 cannot be resumed'), stdio: noStreams() },
  }),
  'server dies during a call': everywhere(
    holds(
      'error SW_UPSTREAM_LOST; later text This is a simple text response for testing.',
      'the server is reached again',
    ),
  ),
  'end of the session': clients({
    legacy: { http: holds('DELETE 200, then 404'), stdio: processEnds() },
    modern: { http: impossible('DELETE 405, then 200', '2026-07-28 has no sessions'), stdio: processEnds() },
  }),
};

/** The same answer, with its status over HTTP. */
function overHttp(
  status: number,
  answer: string,
  why?: string,
): Readonly<Record<ClientTransport, ReturnType<typeof holds>>> {
  return { http: holds(`${status} ${answer}`, why), stdio: holds(answer, why) };
}

/** The same in all four directions; across the families it takes another form on the way. */
function crossing(answer: string, why: { readonly toModern: string; readonly toLegacy: string }): Cells {
  return {
    legacy: servers({ legacy: holds(answer), modern: translated(answer, why.toModern) }),
    modern: servers({ legacy: translated(answer, why.toLegacy), modern: holds(answer) }),
  };
}

function questions(answer: string): Cells {
  return crossing(answer, {
    toModern: 'input_required becomes a request to the client; its answer goes with a retry',
    toLegacy: 'the call is parked, the request of the server becomes input_required',
  });
}

function removedMethod(): Cell {
  return overHttp(404, 'error -32601', '2026-07-28 has no such method');
}

function noStreams() {
  return impossible('no streams', 'stdio has one stream, which ends with the process');
}

function processEnds() {
  return holds('the process has ended', 'the process is the session');
}
