/**
 * `POST /api/generate`: one prompt is answered. The model's chat template makes it a user's message, but for base models
 * and `raw` prompts, which are continued as they are. Works on tokens rather than on a reply, since an answer gives the
 * tokens of the whole conversation (`context`), which the next request may begin with.
 */
import { streamText, type TextStream } from '../../../engine/serving/text-stream.ts';
import type { Model } from '../../../index.ts';
import { readJson } from '../../http/json-body.ts';
import type { ServedModel } from '../../models/served-model.ts';
import type { ServerContext, ServerRequest } from '../../server-context.ts';
import { checkBody, invalidParameter } from '../body-check.ts';
import { withModel } from '../leased.ts';
import {
  bytesIn,
  endingPart,
  type LogprobPart,
  lineResponse,
  linesOf,
  logprobsPart,
  type PartHeader,
  partHeader,
} from './answer-parts.ts';
import { findModel } from './catalogue/model-names.ts';
import { loadOnly } from './load-only.ts';
import { mostTokens, samplingOf, stopsOf } from './model-options.ts';
import { formatOf, type GenerateParams, generateParams, logprobsOf } from './request-schema.ts';

/** A part of an answer to a prompt. */
interface GeneratePart extends PartHeader {
  readonly response: string;
  readonly logprobs?: readonly LogprobPart[];
  readonly done: boolean;
}

/** Answers a request. @throws RequestError; as finding the model and as streamText */
export async function generate(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const startedAt = performance.now();
  const params = checkBody(generateParams, await readJson(c));
  const { id } = findModel(models, params.model);
  const lease = { name: id, keepAliveSeconds: params.keep_alive, signal: c.get('signal') };
  if ((params.prompt ?? '') === '') return loadOnly(models, lease, params.model, { response: '' });
  return withModel(models, lease, async (leased) => {
    const loadSeconds = (performance.now() - startedAt) / 1000;
    const { served } = leased;
    const prompt = promptOf(served.model, params);
    const stream = await startText(served, params, prompt, leased.signal);
    const parts = generateParts(served.model, stream, params, prompt, () =>
      endingPart(stream.progress, startedAt, loadSeconds),
    );
    if (params.stream === false) return Response.json(await wholeAnswer(parts));
    return lineResponse(leased.keep(linesOf(parts)));
  });
}

async function startText(
  { model, scheduler, constraints }: ServedModel,
  params: GenerateParams,
  prompt: readonly number[],
  signal: AbortSignal,
): Promise<TextStream> {
  const options = params.options ?? {};
  const maxTokens = mostTokens(options, model.contextLength, () => prompt.length);
  const logprobs = logprobsOf(params);
  const constraint = await constraints.compile({
    format: formatOf(params),
    tools: [],
    toolChoice: 'none',
    parallelToolCalls: false,
  });
  return streamText(scheduler, model.tokenizer, prompt, {
    ...samplingOf(options, model.contextLength),
    stop: stopsOf(options),
    signal,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(logprobs === undefined ? {} : { logprobs }),
    ...(constraint === undefined ? {} : { constraint }),
  });
}

/** The tokens that are continued. @throws RequestError 400; BitnetError `chat/no-template`, `template/…` */
function promptOf(model: Model, params: GenerateParams): readonly number[] {
  const { prompt = '', system = '', raw = false, context } = params;
  if (raw) {
    if (system !== '')
      throw invalidParameter('system', 'does not go with a raw prompt; write the system prompt into that');
    if (context != null)
      throw invalidParameter('context', 'does not go with a raw prompt; write the conversation into that');
    return withoutSecondBos(model, model.tokenizer.encode(prompt, { addEos: false, parseSpecial: true }));
  }
  const isBase = model.chatTemplate === undefined && system === '';
  const tokens = isBase
    ? model.tokenizer.encode(prompt, { addEos: false })
    : model.encodeChat([
        ...(system === '' ? [] : [{ role: 'system', content: system }]),
        { role: 'user', content: prompt },
      ]);
  if (context == null || context.length === 0) return tokens;
  const unknown = context.findIndex((token) => token >= model.tokenizer.vocabSize);
  if (unknown >= 0) {
    throw invalidParameter(
      `context[${unknown}]`,
      `is ${context[unknown]}, which is no token of this model; give the context that it answered`,
    );
  }
  // What goes on has had its beginning-of-text token.
  return [...context, ...(tokens[0] === model.tokenizer.bosId ? tokens.slice(1) : tokens)];
}

/** A raw prompt may have written the beginning-of-text token that encoding adds. */
function withoutSecondBos({ tokenizer }: Model, tokens: readonly number[]): readonly number[] {
  const { bosId } = tokenizer;
  return bosId !== undefined && tokens[0] === bosId && tokens[1] === bosId ? tokens.slice(1) : tokens;
}

async function* generateParts(
  { tokenizer }: Model,
  stream: TextStream,
  { model, raw = false }: GenerateParams,
  prompt: readonly number[],
  ending: () => Record<string, unknown>,
): AsyncGenerator<GeneratePart, void, undefined> {
  const bytesOf = bytesIn(tokenizer);
  const context = [...prompt];
  for await (const event of stream) {
    if (event.kind === 'prompt') continue;
    if (event.id !== undefined) context.push(event.id);
    const scores = event.score && [event.score];
    if (event.text === '' && scores === undefined) continue;
    yield { ...partHeader(model), response: event.text, ...logprobsPart(scores, bytesOf), done: false };
  }
  yield { ...partHeader(model), response: '', done: true, ...(raw ? {} : { context }), ...ending() };
}

async function wholeAnswer(parts: AsyncIterable<GeneratePart>): Promise<GeneratePart> {
  let response = '';
  const logprobs: LogprobPart[] = [];
  let last: GeneratePart | undefined;
  for await (const part of parts) {
    response += part.response;
    logprobs.push(...(part.logprobs ?? []));
    last = part;
  }
  return { ...last!, response, ...(logprobs.length === 0 ? {} : { logprobs }) };
}
