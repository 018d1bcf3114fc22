/** What a product comes to: its sum, the two scales, and the same without rounding and at 16 bits. */
import type { JSX } from 'preact';
import { countText, realText, signedText } from '../wording.ts';
import type { Terms } from './terms.ts';

/** See the file's header. */
export function Total({ terms }: { terms: Terms }): JSX.Element {
  const { product, count } = terms;
  const { sum, activationScale, weightScale, result, unrounded } = product;
  const { additions, subtractions } = terms.after(count);
  const isSame = Math.fround(Math.fround(sum) * Math.fround(weightScale / activationScale)) === result;
  return (
    <>
      <dl class="inside-total-sum">
        <div>
          <dt>Sum of all {countText(count)} terms</dt>
          <dd>{signedText(sum)}</dd>
        </div>
        <div>
          <dt>divided by the activations’ scale</dt>
          <dd>÷ {realText(activationScale)}</dd>
        </div>
        <div>
          <dt>times the weights’ scale</dt>
          <dd>× {realText(weightScale)}</dd>
        </div>
        <div class="result">
          <dt>
            {isSame ? 'Result, bit for bit what the kernels computed' : 'Result, as the kernels computed it'}
          </dt>
          <dd>{realText(result)}</dd>
        </div>
        <div>
          <dt>If the activations had not been rounded</dt>
          <dd>{realText(unrounded)}</dd>
        </div>
      </dl>
      <p>
        With weights of 16 bits this row would have taken <strong>{countText(count)} multiplications</strong>.
        Here it took {countText(additions)} additions, {countText(subtractions)} subtractions, and{' '}
        <strong>one multiplication</strong> at the end. The model does this for every row of every table and
        every token.
      </p>
    </>
  );
}
