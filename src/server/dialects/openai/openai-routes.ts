/** The routes of OpenAI's API. */
import { Hono } from 'hono';
import { errorResponse } from '../../http/error-response.ts';
import { RequestError } from '../../http/failure.ts';
import type { AddRoutes, ServerContext, ServerEnvironment, ServerRequest } from '../../server-context.ts';
import { answerChat, CHAT_PARAMETERS } from './chat/chat.ts';
import { answerCompletion, COMPLETION_PARAMETERS } from './completions/completions.ts';
import { answerEmbeddings, EMBEDDING_PARAMETERS } from './embeddings.ts';
import { listModels, showModel } from './models.ts';
import { openAiFailure, type ParametersByArea } from './openai-error.ts';
import { answerResponses, RESPONSE_PARAMETERS } from './responses/responses.ts';

/** Adds `/v1/chat/completions`, `/v1/completions`, `/v1/responses`, `/v1/embeddings` and `/v1/models`. */
export const addOpenAiRoutes: AddRoutes = (app, context) => {
  const add = (path: string, answer: Answer, parameters: ParametersByArea) => {
    const routes = dialectRoutes(parameters);
    routes.post(path, (c) => answer(c, context));
    app.route('/', routes);
  };
  add('/v1/chat/completions', answerChat, CHAT_PARAMETERS);
  add('/v1/completions', answerCompletion, COMPLETION_PARAMETERS);
  add('/v1/responses', answerResponses, RESPONSE_PARAMETERS);
  add('/v1/embeddings', answerEmbeddings, EMBEDDING_PARAMETERS);

  const reads = dialectRoutes({ prompt: 'input' });
  reads.get('/v1/models', (c) => listModels(c, context));
  reads.get('/v1/models/:name{.+}', (c) => showModel(c, context, c.req.param('name')));
  reads.on(['GET', 'POST', 'DELETE'], '/v1/responses/:id{.+}', refuseStoredResponse);
  app.route('/', reads);
};

type Answer = (c: ServerRequest, context: ServerContext) => Promise<Response>;

/** Routes whose errors are answered in the dialect's shape; the framework keeps them on the request for the log. */
function dialectRoutes(parameters: ParametersByArea): Hono<ServerEnvironment> {
  const routes = new Hono<ServerEnvironment>();
  routes.onError((error, c) =>
    errorResponse(c.req.path, c.get('requestId'), openAiFailure(error, parameters)),
  );
  return routes;
}

function refuseStoredResponse(): never {
  const message =
    'responses are not kept on this server, so none can be read, changed or cancelled by its id';
  throw new RequestError({ status: 404, code: 'response_not_found', message, parameter: 'id' });
}
