import { packageVersion } from '../version.js';

/** The REST addresses that exist, as OpenAPI 3.1. MCP itself is JSON-RPC and is described by its own specification. */
export function openApiDocument() {
  const json = (schema: object, description: string) => ({ description, content: { 'application/json': { schema } } });
  return {
    openapi: '3.1.0',
    info: { title: 'Seaworthy', version: packageVersion, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths: {
      '/health': {
        get: {
          summary: 'Liveness, with the state of each component',
          responses: { 200: json(health, 'Healthy or degraded'), 503: json(health, 'Unhealthy') },
        },
      },
      '/ready': {
        get: {
          summary: 'Readiness: false before the first lists are known and while draining',
          responses: { 200: json(ready, 'Ready'), 503: json(ready, 'Not ready') },
        },
      },
      '/openapi.json': {
        get: { summary: 'This document', responses: { 200: json({ type: 'object' }, 'OpenAPI 3.1') } },
      },
    },
  };
}

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
