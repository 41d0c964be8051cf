import { z } from 'zod';
import type { Principal } from '#kernel/context/index.js';
import type { ApiServices } from './services.js';

/**
 * What a route asks of the policy before it does anything: `keys/write` needs a rule that allows `admin:keys/write`.
 * `authenticated` asks for a credential alone, and fits only what a caller may know of itself.
 */
export type Admission = `${string}/${'read' | 'write'}` | 'authenticated';

/** A request whose parts have passed their schemas. */
export interface ApiRequest<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Principal;
}

/** One address of the REST interface. Routing, admission, validation and its part of the OpenAPI document come from here. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/api/v1`; `{name}` stands for one segment of letters, digits, `.`, `_`, `~` and `-`. */
  readonly path: string;
  /** One sentence. */
  readonly summary: string;
  readonly admission: Admission;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  /** Absent where the route takes none. */
  readonly body?: z.ZodObject | undefined;
  /** What leaves; members that it does not declare make the answer an error, so nothing gets out unseen. */
  readonly answer: z.ZodType;
  /** Default 200. */
  readonly status: 200 | 201;
  // A method, so that a route with narrower parts is a route: `params`, `query` and `body` are parsed before.
  handle(request: ApiRequest, services: ApiServices): unknown;
}

const none = z.strictObject({});

interface Declaration<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodObject> extends Pick<
  ApiRoute,
  'method' | 'path' | 'summary' | 'admission' | 'answer'
> {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly status?: 200 | 201;
  handle(request: ApiRequest<z.output<Params>, z.output<Query>, z.output<Body>>, services: ApiServices): unknown;
}

/** Declares a route; parts that it does not name must be empty. */
export const defineRoute = <
  Params extends z.ZodObject = typeof none,
  Query extends z.ZodObject = typeof none,
  Body extends z.ZodObject = typeof none,
>(
  declaration: Declaration<Params, Query, Body>,
): ApiRoute => ({ params: none, query: none, status: 200, ...declaration });
