#!/usr/bin/env node
// @ts-check
/**
 * Measures "tales" models against each other and a 5-gram model, on what no training document had:
 *
 *     node models/tales/evaluate.mjs --data DIR --model ternary=FILE.gguf [--model dense=FILE.gguf …] [--out DIR]
 *         [--items N] [--documents N] [--backend NAME] [--threads N]
 *
 * DIR is what data.mjs wrote. Tales are told for held-out prompts of the full form, which fix who, what, where and the plot
 * (greedily, and with the default sampling, each prompt with its own fixed seed), and read back by the checker; "as asked"
 * besides has all that the prompt names; questions are asked one by one about held-out tales and answered
 * greedily, right if equal to the last letter; perplexity is of held-out documents, each on its own from its second token
 * on. Writes evaluation.json and evaluation.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadModel } from 'bitnet.ts';
import { checkTale, lackOf } from './check.mjs';
import { CopyFinder } from './copies.mjs';
import { readDocuments, tokensOf } from './encode.mjs';
import { NgramModel } from './ngram.mjs';
import { summaryTable } from './table.mjs';
import { drawQuestions } from './world/questions.mjs';
import { Random } from './world/random.mjs';

/** @typedef {import('bitnet.ts').Model} Model */
/** @typedef {import('./data.mjs').TestItem} TestItem */
/** @typedef {import('./documents.mjs').Document} Document */
/** @typedef {{ right: number, of: number }} Score */

const DEFAULT_ITEMS = 200;
const DEFAULT_DOCUMENTS = 300;
/** Questions about a tale that the model told itself. */
const OWN_QUESTIONS = 3;
const MOST_TALE_TOKENS = 220;
const MOST_ANSWER_TOKENS = 30;
const SAMPLES = 6;

/**
 * @typedef {object} Told
 * @property {string} prompt
 * @property {string} text
 * @property {boolean} ok consistent
 * @property {boolean} asAsked consistent, and has what the prompt names
 * @property {string} [reason]
 */

/** @param {string[]} args */
async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string' },
      model: { type: 'string', multiple: true },
      out: { type: 'string' },
      items: { type: 'string' },
      documents: { type: 'string' },
      backend: { type: 'string' },
      threads: { type: 'string' },
    },
  });
  if (values.data === undefined || values.model === undefined) {
    throw new Error('evaluate.mjs --data DIR --model NAME=FILE.gguf [--model NAME=FILE.gguf …]');
  }
  const folder = values.data;
  const out = values.out ?? folder;
  mkdirSync(out, { recursive: true });
  /** @type {TestItem[]} */
  const items = JSON.parse(readFileSync(join(folder, 'test-prompts.json'), 'utf8')).items.slice(
    0,
    Number(values.items ?? DEFAULT_ITEMS),
  );
  const heldOut = [...readDocuments(join(folder, 'validation.jsonl'))].slice(
    0,
    Number(values.documents ?? DEFAULT_DOCUMENTS),
  );
  const books = [...readDocuments(join(folder, 'validation-books.jsonl'))];
  /** @type {Record<string, Awaited<ReturnType<typeof measure>>>} */
  const models = {};
  /** @type {Record<string, unknown>} */
  let corpus = {};
  for (const [i, named] of values.model.entries()) {
    const at = named.indexOf('=');
    if (at < 1) throw new Error(`--model takes NAME=FILE, not ${named}`);
    const name = named.slice(0, at);
    const model = await loadModel(named.slice(at + 1), computeOptions(values.backend, values.threads));
    process.stderr.write(`${name}: ${model.config.architecture}, ${model.backend}\n`);
    models[name] = await measure(model, items, heldOut, books);
    // The n-gram model and the search for copies share one pass over the training text, with the first model's tokens.
    if (i === 0)
      corpus = againstCorpus(model, join(folder, 'train.jsonl'), models[name], items, heldOut, books);
    await model.dispose();
  }
  const report = { items: items.length, documents: heldOut.length, models, corpus };
  const table = summaryTable(report);
  process.stdout.write(table);
  writeFileSync(join(out, 'evaluation.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(out, 'evaluation.md'), table);
}

/**
 * One thread unless told otherwise: enough for models this small, and it does not wait for another where other programs
 * compute too.
 *
 * @param {string | undefined} backend
 * @param {string} [threads]
 * @returns {import('bitnet.ts').LoadOptions}
 */
function computeOptions(backend, threads = '1') {
  if (!/^[1-9]\d{0,2}$/.test(threads))
    throw new Error(`--threads takes a whole number from 1, not ${threads}`);
  return {
    threads: Number(threads),
    ...(backend === undefined ? {} : { backend: /** @type {import('bitnet.ts').BackendName} */ (backend) }),
  };
}

/**
 * @param {Model} model
 * @param {TestItem[]} items
 * @param {Document[]} heldOut
 * @param {Document[]} books
 */
async function measure(model, items, heldOut, books) {
  const perplexity = await scoreAll(model, heldOut);
  const bookPerplexity = await scoreAll(model, books);
  process.stderr.write(`  ${perplexity.nllPerToken.toFixed(4)} nats a token\n`);
  const greedy = await tellAll(model, items, { temperature: 0 });
  process.stderr.write(`  ${countOk(greedy).right} of ${greedy.length} tales consistent (greedy)\n`);
  const sampled = await tellAll(model, items, {});
  process.stderr.write(`  ${countOk(sampled).right} of ${sampled.length} tales consistent (sampled)\n`);
  const answers = await askAll(model, items);
  process.stderr.write(`  ${answers.all.right} of ${answers.all.of} answers exact\n`);
  const ownAnswers = await askOwn(model, sampled);
  return {
    perplexity,
    bookPerplexity,
    tales: {
      greedy: countOk(greedy),
      greedyAsAsked: countAsAsked(greedy),
      sampled: countOk(sampled),
      sampledAsAsked: countAsAsked(sampled),
      reasons: reasonsOf([...greedy, ...sampled]),
    },
    answers,
    ownAnswers,
    samples: {
      good: sampled.filter(({ ok, asAsked }) => ok && asAsked).slice(0, SAMPLES),
      bad: sampled.filter(({ ok, asAsked }) => !ok || !asAsked).slice(0, SAMPLES),
    },
    told: sampled.map(({ text }) => text),
  };
}

/**
 * Mean negative log-probability of all tokens but the first of each document.
 *
 * @param {Model} model
 * @param {Document[]} documents
 */
async function scoreAll(model, documents) {
  let nll = 0;
  let tokens = 0;
  for (const document of documents) {
    const ids = tokensOf(model, document).slice(0, model.contextLength);
    for (const logprob of (await model.score(ids)).slice(0, ids.length - 1)) nll -= logprob;
    tokens += ids.length - 1;
  }
  return perplexityOf(nll, tokens);
}

/** @param {number} nll @param {number} tokens */
function perplexityOf(nll, tokens) {
  return { nllPerToken: nll / tokens, perplexity: Math.exp(nll / tokens), tokens };
}

/**
 * @param {Model} model
 * @param {TestItem[]} items
 * @param {{ temperature?: number }} sampling
 * @returns {Promise<Told[]>}
 */
async function tellAll(model, items, sampling) {
  /** @type {Told[]} */
  const all = [];
  for (const [seed, { prompt, wish }] of items.entries()) {
    const options = {
      ...sampling,
      seed,
      maxTokens: MOST_TALE_TOKENS,
      overflow: /** @type {const} */ ('stop'),
    };
    const text = (await model.chat().send(prompt, options).text()).trim();
    const verdict = checkTale(text);
    if (!verdict.ok) {
      all.push({ prompt, text, ok: false, asAsked: false, reason: `${verdict.reason}: ${verdict.at}` });
      continue;
    }
    const lack = lackOf(verdict.world, wish);
    all.push({
      prompt,
      text,
      ok: true,
      asAsked: lack === null,
      ...(lack === null ? {} : { reason: lack }),
    });
  }
  return all;
}

/** @param {Told[]} told @returns {Score} */
function countOk(told) {
  return { right: told.filter(({ ok }) => ok).length, of: told.length };
}

/** @param {Told[]} told @returns {Score} */
function countAsAsked(told) {
  return { right: told.filter(({ ok, asAsked }) => ok && asAsked).length, of: told.length };
}

/**
 * What goes wrong how often, names left out.
 *
 * @param {Told[]} told
 */
function reasonsOf(told) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const { reason } of told) {
    if (reason === undefined) continue;
    const general = reason.replace(/: .*$/s, '').replace(/\b[A-Z][a-z]+\b/g, 'X');
    counts[general] = (counts[general] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
}

/**
 * Every question as the first one after the tale.
 *
 * @param {Model} model
 * @param {TestItem[]} items
 */
async function askAll(model, items) {
  /** @type {Score} */
  const all = { right: 0, of: 0 };
  /** @type {Record<string, Score>} */
  const byKind = {};
  /** @type {{ question: string, expected: string, answer: string }[]} */
  const wrong = [];
  for (const { prompt, tale, questions } of items) {
    for (const { kind, question, answer: expected } of questions) {
      const answer = await ask(model, prompt, tale, question);
      byKind[kind] ??= { right: 0, of: 0 };
      const isRight = answer === expected ? 1 : 0;
      for (const score of [all, byKind[kind]]) {
        score.of += 1;
        score.right += isRight;
      }
      if (!isRight) wrong.push({ question, expected, answer });
    }
  }
  return { all, byKind, wrong: wrong.slice(0, 20) };
}

/**
 * Questions about consistent tales of the model's own.
 *
 * @param {Model} model
 * @param {Told[]} told
 * @returns {Promise<Score>}
 */
async function askOwn(model, told) {
  /** @type {Score} */
  const score = { right: 0, of: 0 };
  for (const [i, { prompt, text }] of told.entries()) {
    const verdict = checkTale(text);
    if (!verdict.ok) continue;
    for (const { question, answer } of drawQuestions(new Random(`own ${i}`), verdict.world, OWN_QUESTIONS)) {
      score.of += 1;
      if ((await ask(model, prompt, text, question)) === answer) score.right += 1;
    }
  }
  return score;
}

/** @param {Model} model @param {string} prompt @param {string} tale @param {string} question */
async function ask(model, prompt, tale, question) {
  const messages = [
    { role: 'user', content: prompt },
    { role: 'assistant', content: tale },
  ];
  const options = { temperature: 0, maxTokens: MOST_ANSWER_TOKENS, overflow: /** @type {const} */ ('stop') };
  return (await model.chat({ messages }).send(question, options).text()).trim();
}

/**
 * One pass over the training text: counts of n-grams, and the longest copies in the tales that the model told and, to
 * compare, in the held-out tales of the generator.
 *
 * @param {Model} model
 * @param {string} file
 * @param {{ told: string[] }} measured
 * @param {TestItem[]} items
 * @param {Document[]} heldOut
 * @param {Document[]} books
 */
function againstCorpus(model, file, { told }, items, heldOut, books) {
  const ngram = new NgramModel(model.tokenizer.vocabSize);
  const texts = told.map((text) => model.tokenize(text));
  const references = items.map(({ tale }) => model.tokenize(tale));
  const copies = new CopyFinder(texts);
  const referenceCopies = new CopyFinder(references);
  let tokens = 0;
  for (const document of readDocuments(file)) {
    const ids = tokensOf(model, document);
    tokens += ids.length;
    ngram.add(ids);
    copies.read(ids);
    referenceCopies.read(ids);
  }
  ngram.finish();
  process.stderr.write(`5-gram model: ${tokens} tokens, ${ngram.size} n-grams\n`);
  /** @param {Document[]} documents */
  const score = (documents) => {
    let nll = 0;
    let predicted = 0;
    for (const document of documents) {
      const ids = tokensOf(model, document).slice(0, model.contextLength);
      nll += ngram.score(ids);
      predicted += ids.length - 1;
    }
    return perplexityOf(nll, predicted);
  };
  return {
    trainingTokens: tokens,
    ngram: { perplexity: score(heldOut), bookPerplexity: score(books), size: ngram.size },
    copies: longestCopy(model, texts, copies),
    referenceCopies: longestCopy(model, references, referenceCopies),
  };
}

/** @param {Model} model @param {number[][]} texts @param {CopyFinder} finder */
function longestCopy(model, texts, finder) {
  const found = finder.longest();
  const lengths = found.map(({ length }) => length).sort((a, b) => a - b);
  const longest = Math.max(...lengths);
  const i = found.findIndex(({ length }) => length === longest);
  const { start = 0, length = 0 } = found[i] ?? {};
  const text = model.tokenizer.decode(texts[i]?.slice(start, start + length) ?? []);
  return {
    longestTokens: longest,
    longestWords: text.split(/\s+/).filter((word) => word !== '').length,
    text,
    medianTokens: lengths[lengths.length >> 1] ?? 0,
    wholeTales: found.filter((copy, at) => copy.length === texts[at]?.length).length,
    tales: texts.length,
  };
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
