/**
 * The Ollama API, which front ends and editors speak to local servers: `/api/chat`, `/api/generate`, `/api/embed` and
 * what lists models. Models come from the command line, so whatever would fetch, make or remove one is refused.
 */
import { RequestError } from '../../http/failure.ts';
import type { AddRoutes } from '../../server-context.ts';
import { listLoaded, listModels, showModel } from './catalogue/listings.ts';
import { ModelFactsReader } from './catalogue/model-facts.ts';
import { chat } from './chat.ts';
import { embed, embedOne } from './embed.ts';
import { orError } from './error-body.ts';
import { generate } from './generate.ts';

/** The release of Ollama whose API this is: clients ask for it before they use what older ones lack. */
const API_VERSION = '0.12.11';

/** Paths of Ollama that change which models there are. */
const REFUSED = ['/api/pull', '/api/push', '/api/create', '/api/copy', '/api/delete', '/api/blobs/*'];

/** The Ollama API. */
export const addOllamaRoutes: AddRoutes = (app, context) => {
  const reader = new ModelFactsReader();
  // HEAD comes this way too.
  app.get('/', (c) => c.text('Ollama is running'));
  app.get('/api/version', (c) => c.json({ version: API_VERSION }));
  app.get('/api/tags', () => orError(() => listModels(context, reader)));
  app.get('/api/ps', () => orError(() => listLoaded(context, reader)));
  app.post('/api/show', (c) => orError(() => showModel(c, context, reader)));
  app.post('/api/chat', (c) => orError(() => chat(c, context)));
  app.post('/api/generate', (c) => orError(() => generate(c, context)));
  app.post('/api/embed', (c) => orError(() => embed(c, context)));
  app.post('/api/embeddings', (c) => orError(() => embedOne(c, context)));
  for (const path of REFUSED) {
    app.all(path, (c) =>
      orError(() => {
        throw new RequestError({
          status: 501,
          code: 'not_supported',
          message: `${c.req.path} is not supported: the models of this server are those that it was started with`,
        });
      }),
    );
  }
};
