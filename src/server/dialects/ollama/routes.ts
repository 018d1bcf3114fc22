/**
 * The Ollama API, which front ends and editors speak to local servers: `/api/chat`, `/api/generate`, `/api/embed` and
 * what lists models. Models come from the command line, so whatever would fetch, make or remove one is refused.
 */
import { errorResponse } from '../../http/error-response.ts';
import { failureOf, RequestError } from '../../http/failure.ts';
import type { AddRoutes, ServerRequest } from '../../server-context.ts';
import { listLoaded, listModels, showModel } from './catalogue/listings.ts';
import { ModelFactsReader } from './catalogue/model-facts.ts';
import { chat } from './chat.ts';
import { embed, embedOne } from './embed.ts';
import { generate } from './generate.ts';

/** The release of Ollama whose API this is: clients ask for it before they use what older ones lack. */
const API_VERSION = '0.12.11';

/** Requests that change which models there are. */
const REFUSED: readonly [method: string, path: string][] = [
  ['POST', '/api/pull'],
  ['POST', '/api/push'],
  ['POST', '/api/create'],
  ['POST', '/api/copy'],
  ['DELETE', '/api/delete'],
  ['POST', '/api/blobs/:digest'],
];

/** The Ollama API. */
export const addOllamaRoutes: AddRoutes = (app, context) => {
  const reader = new ModelFactsReader();
  // HEAD comes this way too.
  app.get('/', (c) => c.text('Ollama is running'));
  app.get('/api/version', (c) => c.json({ version: API_VERSION }));
  app.get('/api/tags', (c) => answered(c, () => listModels(context, reader)));
  app.get('/api/ps', (c) => answered(c, () => listLoaded(context, reader)));
  app.post('/api/show', (c) => answered(c, () => showModel(c, context, reader)));
  app.post('/api/chat', (c) => answered(c, () => chat(c, context)));
  app.post('/api/generate', (c) => answered(c, () => generate(c, context)));
  app.post('/api/embed', (c) => answered(c, () => embed(c, context)));
  app.post('/api/embeddings', (c) => answered(c, () => embedOne(c, context)));
  for (const [method, path] of REFUSED) app.on(method, path, (c) => answered(c, refuse));
};

async function answered(
  c: ServerRequest,
  answer: (c: ServerRequest) => Response | Promise<Response>,
): Promise<Response> {
  try {
    return await answer(c);
  } catch (error) {
    return errorResponse(c.req.path, c.get('requestId'), failureOf(error));
  }
}

function refuse(c: ServerRequest): never {
  throw new RequestError({
    status: 501,
    code: 'not_supported',
    message: `${c.req.path} is not supported: the models of this server are those that it was started with`,
  });
}
