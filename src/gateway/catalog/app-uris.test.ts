import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RawResult } from '#protocol/jsonrpc/index.js';
import { shownAppUri, splitAppUri, withShownApp, withShownApps } from './app-uris.js';

const raw = (text: string) => new RawResult(Buffer.from(text));

describe('the URI of an app', () => {
  it('is found again from the one shown, whatever it is', () => {
    const providers = new Set(['crm', 'crm-2']);
    fc.assert(
      fc.property(fc.constantFrom('crm', 'crm-2'), fc.string(), (provider, rest) => {
        const uri = `ui://${rest}`;
        expect(splitAppUri(shownAppUri(provider, uri), providers)).toEqual({ provider, uri });
      }),
    );
  });

  it('of another scheme is left alone, and one that names no provider is nobody’s', () => {
    expect(shownAppUri('crm', 'note://ui://x')).toBe('note://ui://x');
    for (const uri of ['ui://crm', 'ui://', 'ui://other/x']) expect(splitAppUri(uri, new Set(['crm']))).toBeUndefined();
  });
});

describe('a result', () => {
  it('that names no app is the same object', () => {
    const result = raw('{"content":[{"type":"text","text":"hello"}]}');
    expect(withShownApps('crm', result)).toBe(result);
    const text = raw('{"content":[{"type":"text","text":"see ui://a"}],"structuredContent":{"uri":"ui://a"}}');
    expect(withShownApps('crm', text)).toBe(text);
    const made = { content: [{ type: 'resource_link', uri: 'note://a' }], _meta: { ui: { resourceUri: 7 } } };
    expect(withShownApps('crm', made)).toBe(made);
  });

  it('keeps what it does not name, digit for digit', () => {
    const result = raw('{"structuredContent":{"n":12345678901234567890},"content":[{"uri":"ui://a"}]}');
    const shown = withShownApps('crm', result) as RawResult;
    expect(Buffer.concat(shown.splice({})).toString()).toBe(
      '{"content":[{"uri":"ui://crm/a"}],"structuredContent":{"n":12345678901234567890}}',
    );
  });

  it('of a task is shown like the one of a call', () => {
    const task = { taskId: 't', status: 'completed', result: { content: [{ resource: { uri: 'ui://a' } }] } };
    expect(withShownApps('crm', task)).toEqual({
      ...task,
      result: { content: [{ resource: { uri: 'ui://crm/a' } }] },
    });
  });
});

it('a tool without an interface is the same object', () => {
  const tool = { name: 'x', _meta: { other: 'ui://a' } };
  expect(withShownApp('crm', tool)).toBe(tool);
});
