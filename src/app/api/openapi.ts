import { z } from 'zod';
import { packageVersion } from '../version.js';
import { problem } from './problem.js';
import type { ApiRoute } from './route.js';
import { apiRoot } from './table.js';

/** The REST addresses that exist, as OpenAPI 3.1. MCP itself is JSON-RPC and is described by its own specification. */
export function openApiDocument(routes: readonly ApiRoute[]) {
  const paths: Record<string, Record<string, object>> = { ...openPaths };
  for (const route of routes)
    paths[apiRoot + route.path] = { ...paths[apiRoot + route.path], [route.method.toLowerCase()]: operationOf(route) };
  return {
    openapi: '3.1.0',
    info: { title: 'Seaworthy', version: packageVersion, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      schemas: { Problem: schemaOf(problem, 'output') },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  };
}

function operationOf({ method, path, summary, admission, params, query, body, answer, status }: ApiRoute): object {
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^a-z]+([a-z])?/gi, (_, next = '') => String(next).toUpperCase())}`,
    summary,
    'x-admission': admission === 'authenticated' ? admission : `admin:${admission}`,
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
    ...(body && { requestBody: { required: true, content: json(schemaOf(body, 'input')) } }),
    responses: {
      [status]: { description: 'Done', content: json(schemaOf(answer, 'output')) },
      default: {
        description: 'Refused or failed',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function parametersOf(schema: z.ZodObject, place: 'path' | 'query'): object[] {
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, each]) => ({
    ...{ name, in: place, required: required.includes(name), schema: each },
  }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

const json = (schema: object) => ({ 'application/json': { schema } });
const state = { type: 'string', enum: ['healthy', 'degraded', 'unhealthy'] };
const health = {
  type: 'object',
  required: ['status', 'time', 'components'],
  properties: {
    status: state,
    time: { type: 'string', format: 'date-time' },
    components: { type: 'object', additionalProperties: state },
  },
};
const ready = { type: 'object', required: ['ready'], properties: { ready: { type: 'boolean' } } };
const open = (summary: string, responses: Readonly<Record<number, readonly [string, object]>>) => ({
  get: {
    summary,
    security: [],
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, [description, schema]]) => [
        status,
        { description, content: json(schema) },
      ]),
    ),
  },
});

/** What needs no credential, because it tells nothing that is worth one. */
const openPaths = {
  '/health': open('Liveness, with the state of each component', {
    200: ['Healthy or degraded', health],
    503: ['Unhealthy', health],
  }),
  '/ready': open('Readiness: false before the first lists are known and while draining', {
    200: ['Ready', ready],
    503: ['Not ready', ready],
  }),
  '/openapi.json': open('This document', { 200: ['OpenAPI 3.1', { type: 'object' }] }),
};
