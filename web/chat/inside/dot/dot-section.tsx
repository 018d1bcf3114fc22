/** Inside, fourth: one row's product with what a text's last token brings into the matrix, step by step. */
import './dot.css';
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Look } from '../look.ts';
import { MatrixChoice } from '../matrix-section.tsx';
import { countText, MATRICES, realText } from '../wording.ts';
import { Player } from './player.tsx';
import { Terms } from './terms.ts';
import { Total } from './total.tsx';

const FIRST_TEXT = 'Once upon a time';
const MOST_CHARACTERS = 300;
/** Rows and matrices are gone through faster than forward passes are computed. */
const WAIT_MS = 200;

/** The section. */
export function DotSection({ look }: { look: Look }): JSX.Element {
  const matrix = look.matrix.value!;
  const { row } = look.cell.value;
  const [text, setText] = useState(FIRST_TEXT);
  const product = look.product.value;
  const [fault, setFault] = useState<string>();
  const isBusy = useSignal(true);
  const { modelId } = look.overview;

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    isBusy.value = true;
    const timer = setTimeout(() => {
      look.source.dot(modelId, { layer: matrix.layer, name: matrix.name }, row, text, signal).then(
        (found) => {
          if (signal.aborted) return;
          look.product.value = found;
          setFault(undefined);
          isBusy.value = false;
        },
        (error: unknown) => {
          if (signal.aborted) return;
          setFault(error instanceof Error ? error.message : String(error));
          isBusy.value = false;
        },
      );
    }, WAIT_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [look, modelId, matrix, row, text, isBusy]);

  const terms = useMemo(() => product && new Terms(product), [product]);
  return (
    <section aria-labelledby="inside-dot">
      <h2 id="inside-dot">What the weights do</h2>
      <p>
        Nearly all that a model does is this: multiply a list of numbers with a row of weights and add
        everything up. With weights of −1, 0 and +1 nothing is left to multiply: a number is added, taken
        away, or left out. Here is one such sum with real numbers. Write something, and the model reads it.
      </p>
      <DotForm look={look} text={text} isBusy={isBusy.value} onText={setText} />
      {fault !== undefined && (
        <p class="inside-fault" role="alert">
          {fault}
        </p>
      )}
      <div class="inside-product" aria-busy={isBusy.value}>
        {terms === undefined ? (
          <p class="inside-waiting" role="status">
            {fault === undefined ? 'The model reads the text…' : ''}
          </p>
        ) : (
          <Product terms={terms} />
        )}
      </div>
    </section>
  );
}

function DotForm({
  look,
  text,
  isBusy,
  onText,
}: {
  look: Look;
  text: string;
  isBusy: boolean;
  onText: (text: string) => void;
}): JSX.Element {
  const [draft, setDraft] = useState(text);
  const matrix = look.matrix.value!;
  const { row, column } = look.cell.value;
  return (
    <form
      class="inside-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (draft.trim() !== '') onText(draft);
      }}
    >
      <label class="inside-text">
        <span>Text</span>
        <input
          type="text"
          value={draft}
          maxLength={MOST_CHARACTERS}
          autocomplete="off"
          onInput={({ currentTarget }) => setDraft(currentTarget.value)}
        />
      </label>
      <button type="submit">{isBusy ? 'Reading…' : 'Read it'}</button>
      <MatrixChoice look={look} />
      <label class="inside-row">
        <span>Row, 0 to {countText(matrix.rows - 1)}</span>
        <input
          type="number"
          min={0}
          max={matrix.rows - 1}
          value={row}
          onChange={({ currentTarget }) => {
            const wanted = Math.round(currentTarget.valueAsNumber);
            if (Number.isFinite(wanted)) look.pick({ row: wanted, column });
            // What lies outside became the nearest row.
            currentTarget.value = String(look.cell.peek().row);
          }}
        />
      </label>
    </form>
  );
}

function Product({ terms }: { terms: Terms }): JSX.Element {
  const { product, count } = terms;
  const { tokens, name, layer, input, activationScale } = product;
  const largest = useMemo(() => input.reduce((most, value) => Math.max(most, Math.abs(value)), 0), [input]);
  return (
    <>
      <p class="inside-tokens">
        <span>The text as tokens:</span>{' '}
        {tokens.map((token, index) => (
          <span key={index} class={index === tokens.length - 1 ? 'token last' : 'token'}>
            {token === '' ? '(start)' : token.replaceAll(' ', '␣').replaceAll('\n', '⏎')}
          </span>
        ))}
      </p>
      <p>
        When the model has read them, the last token arrives at {MATRICES[name].title.toLowerCase()} of layer{' '}
        {layer + 1} as {countText(count)} numbers, its <em>activations</em>, none larger than{' '}
        {realText(largest)}. They are scaled by 127 / {realText(largest)} = {realText(activationScale)} and
        rounded to whole numbers of 8 bits. Then each is added, subtracted or left out:
      </p>
      <Player terms={terms} />
      <Total terms={terms} />
    </>
  );
}
