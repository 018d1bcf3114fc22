// @ts-check
/** The results of evaluate.mjs as a Markdown table: a row for each model, the 5-gram model last. */

/** @typedef {{ right: number, of: number }} Score */
/** @typedef {{ nllPerToken: number, perplexity: number, tokens: number }} Perplexity */

/**
 * @typedef {object} Measured
 * @property {Perplexity} perplexity
 * @property {Perplexity} bookPerplexity
 * @property {{ greedy: Score, greedyAsAsked: Score, sampled: Score, sampledAsAsked: Score }} tales
 * @property {{ all: Score }} answers
 * @property {Score} ownAnswers
 */

/**
 * @param {{ items: number, documents: number, models: Record<string, Measured>, corpus: Record<string, any> }} report
 * @returns {string}
 */
export function summaryTable({ models, corpus }) {
  const head = [
    'model',
    'nats/token',
    'perplexity',
    'books: perplexity',
    'tales consistent (greedy)',
    'tales consistent (sampled)',
    'consistent and as asked (sampled)',
    'answers exact',
    'answers about own tales',
  ];
  const rows = Object.entries(models).map(
    ([name, { perplexity, bookPerplexity, tales, answers, ownAnswers }]) => [
      name,
      ...both(perplexity),
      bookPerplexity.perplexity.toFixed(0),
      percent(tales.greedy),
      percent(tales.sampled),
      percent(tales.sampledAsAsked),
      percent(answers.all),
      percent(ownAnswers),
    ],
  );
  const { ngram, copies, referenceCopies } = corpus;
  rows.push([
    'Kneser-Ney 5-gram',
    ...both(ngram.perplexity),
    ngram.bookPerplexity.perplexity.toFixed(0),
    ...Array(5).fill('–'),
  ]);
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map(
    (row) => `| ${row.join(' | ')} |`,
  );
  return [
    ...lines,
    '',
    `Longest stretch of a sampled tale that stands in the training text: ${copies.longestTokens} tokens, ` +
      `${copies.longestWords} words (median of the tales' longest: ${copies.medianTokens} tokens; whole tales: ` +
      `${copies.wholeTales} of ${copies.tales}). Of held-out tales by the generator: ${referenceCopies.longestTokens} ` +
      `tokens, ${referenceCopies.longestWords} words (median ${referenceCopies.medianTokens}).`,
    '',
  ].join('\n');
}

/** @param {Perplexity} perplexity */
function both({ nllPerToken, perplexity }) {
  return [nllPerToken.toFixed(3), perplexity.toFixed(2)];
}

/** @param {Score} score */
function percent({ right, of }) {
  return of === 0 ? '–' : `${((100 * right) / of).toFixed(1)} % (${right}/${of})`;
}
