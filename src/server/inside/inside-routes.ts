/**
 * A look inside the models that are served, for the page's tab of that name and for whoever writes kernels (docs/inside.md):
 * `GET /inside`, `/inside/counts`, `/inside/tile` and `/inside/shares`, `POST /inside/dot`. What is long is computed in slices
 * between other requests; forward passes take turns with the scheduler's steps.
 */

import type { Model } from '../../index.ts';
import { Inside } from '../../inside/inside.ts';
import type { DotProduct, ValueCounts } from '../../inside/inside-facts.ts';
import { checkBody } from '../dialects/body-check.ts';
import { type Leased, withModel } from '../dialects/leased.ts';
import { failureOf } from '../http/failure.ts';
import { readJson } from '../http/json-body.ts';
import { streamedResponse } from '../http/streamed-response.ts';
import type { AddRoutes, ServerRequest } from '../server-context.ts';
import { dotBody, modelQuery, tileQuery } from './inside-parameters.ts';

/** What was counted of a model lives as long as the model. */
const looks = new WeakMap<Model, Inside>();

/** Adds the routes. */
export const addInsideRoutes: AddRoutes = (app, { models }) => {
  const lease = <T>(c: ServerRequest, name: string | null | undefined, answer: Answer<T>) =>
    withModel(models, { name, signal: c.get('signal') }, (leased) => answer(insideOf(leased), leased));

  app.get('/inside', (c) =>
    lease(c, checkBody(modelQuery, c.req.query()).model, async (inside, { served }) =>
      c.json(inside.overview(served.id)),
    ),
  );
  app.get('/inside/counts', (c) =>
    lease(c, checkBody(modelQuery, c.req.query()).model, async (inside, { keep, signal }) =>
      streamedResponse('application/x-ndjson', keep(lines(inside.counts(signal)))),
    ),
  );
  app.get('/inside/tile', (c) => {
    const { model, matrix: name, ...place } = checkBody(tileQuery, c.req.query());
    return lease(c, model, async (inside, { signal }) =>
      bytesResponse(await inside.tile({ ...place, name }, signal)),
    );
  });
  app.get('/inside/shares', (c) => {
    const { model, matrix: name, ...place } = checkBody(tileQuery, c.req.query());
    return lease(c, model, async (inside, { signal }) =>
      bytesResponse(await inside.shares({ ...place, name }, signal)),
    );
  });
  app.post('/inside/dot', async (c) => {
    const { model, layer, matrix: name, row, text } = checkBody(dotBody, await readJson(c));
    return lease(c, model, async (inside, { signal }) =>
      c.json(plain(await inside.dot({ layer, name }, row, text, signal))),
    );
  });
};

type Answer<T> = (inside: Inside, leased: Leased) => Promise<T>;

function insideOf({ served: { model } }: Leased): Inside {
  const known = looks.get(model) ?? new Inside(model);
  looks.set(model, known);
  return known;
}

/** One line of JSON each; what fails on the way is the last one. */
async function* lines(counts: AsyncIterable<ValueCounts>): AsyncGenerator<string, void, undefined> {
  try {
    for await (const one of counts) yield `${JSON.stringify(one)}\n`;
  } catch (error) {
    const { message, code } = failureOf(error);
    yield `${JSON.stringify({ error: { message, code } })}\n`;
  }
}

function bytesResponse(bytes: Int8Array | Uint8Array): Response {
  return new Response(bytes as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' },
  });
}

/** Typed arrays as lists of numbers. */
function plain({ input, quantised, weights, ...rest }: DotProduct): object {
  return { ...rest, input: [...input], quantised: [...quantised], weights: [...weights] };
}
