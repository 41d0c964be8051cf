import { describe, expect, it } from 'vitest';
import { canBeAsked, capabilitiesFor, type InputQuestion } from './input.js';
import type { JsonObject } from './model.js';

const form: InputQuestion = { method: 'elicitation/create', params: { message: 'Who?' } };
const namedForm: InputQuestion = { method: 'elicitation/create', params: { mode: 'form' } };
const page: InputQuestion = { method: 'elicitation/create', params: { mode: 'url' } };
const model: InputQuestion = { method: 'sampling/createMessage', params: {} };
const tools: InputQuestion = { method: 'sampling/createMessage', params: { tools: [] } };
const choice: InputQuestion = { method: 'sampling/createMessage', params: { toolChoice: {} } };
const roots: InputQuestion = { method: 'roots/list', params: {} };
const all = { form, namedForm, page, model, tools, choice, roots };

describe('what a client can be asked', () => {
  it.each<[string, JsonObject, (keyof typeof all)[]]>([
    ['nothing declared', {}, []],
    ['elicitation without a mode: forms', { elicitation: {} }, ['form', 'namedForm']],
    ['members of older clients: forms', { elicitation: { applyDefaults: true } }, ['form', 'namedForm']],
    ['forms', { elicitation: { form: {} } }, ['form', 'namedForm']],
    ['pages only', { elicitation: { url: {} } }, ['page']],
    ['both', { elicitation: { form: { applyDefaults: true }, url: {} } }, ['form', 'namedForm', 'page']],
    ['a mode that is no object', { elicitation: { form: true } }, []],
    ['a capability that is no object', { elicitation: true, roots: 1 }, []],
    ['a model without tools', { sampling: {} }, ['model']],
    ['a model with tools', { sampling: { tools: {} } }, ['model', 'tools', 'choice']],
    ['roots', { roots: { listChanged: true } }, ['roots']],
  ])('%s', (_name, capabilities, expected) => {
    const askable = Object.entries(all).flatMap(([name, question]) =>
      canBeAsked(capabilities, question) ? [name] : [],
    );
    expect(askable).toEqual(expected);
  });

  it.each(['tools/call', 'toString', '__proto__', ''])('is not %j', (method) => {
    const capabilities = { elicitation: {}, sampling: {}, roots: {}, [method]: {} };
    expect(canBeAsked(capabilities, { method, params: {} })).toBe(false);
  });
});

describe('what a client must declare', () => {
  it('is the least that all questions need', () => {
    expect(capabilitiesFor([form, model])).toEqual({ elicitation: { form: {} }, sampling: {} });
    expect(capabilitiesFor([form, page, tools, model, roots])).toEqual({
      elicitation: { form: {}, url: {} },
      sampling: { tools: {} },
      roots: {},
    });
    expect(capabilitiesFor([{ method: 'tools/call', params: {} }])).toEqual({});
  });

  it('lets the client be asked, whatever the questions are', () => {
    for (const question of Object.values(all)) expect(canBeAsked(capabilitiesFor([question]), question)).toBe(true);
  });
});
