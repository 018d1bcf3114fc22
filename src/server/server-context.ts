/** What the routes of all dialects are given. */
import type { Context, Hono } from 'hono';
import type { RequestLimits } from './http/limits.ts';
import type { ModelRegistry } from './models/served-model.ts';

/** Of one request, set by the layers in front of the dialects. */
export interface RequestVariables {
  readonly requestId: string;
  /** Aborted when the client goes, the time is up, or the server ends. */
  readonly signal: AbortSignal;
  /** Default: DEFAULT_LIMITS. */
  readonly limits?: RequestLimits;
}

/** The framework's types for this server. */
export interface ServerEnvironment {
  Variables: RequestVariables;
  /** What listen.ts gives along; undefined for requests that came over no network. */
  Bindings: { readonly outgoing?: { destroy(): unknown } } | undefined;
}

/** A request with its variables. */
export type ServerRequest = Context<ServerEnvironment>;

/** What dialects share. */
export interface ServerContext {
  readonly models: ModelRegistry;
}

/** Adds a dialect's routes to the app. */
export type AddRoutes = (app: Hono<ServerEnvironment>, context: ServerContext) => void;
