/** Inside, last: what somebody who writes kernels wants to know of the matrix and the product above. */
import type { JSX } from 'preact';
import type { LayoutFacts } from '../transport/inside-source.ts';
import type { Look } from './look.ts';
import { countText, realText, shareText } from './wording.ts';

/** The section. */
export function AuthorsSection({ look }: { look: Look }): JSX.Element {
  const matrix = look.matrix.value!;
  const { backend, layout } = look.overview;
  const { rows, columns, bytes, scale, layer, name } = matrix;
  const counts = look.counts.value.find((each) => each.layer === layer && each.name === name);
  const product = look.product.value;
  const isOfIt = product?.layer === layer && product.name === name;
  const facts: readonly (readonly [string, string])[] = [
    ['Backend', backend],
    ['Packing', layout.name],
    ['Order in a tile', orderText(layout)],
    ['Rows × columns', `${countText(rows)} × ${countText(columns)}`],
    [
      'Bytes',
      `${countText(bytes)}, ${((8 * bytes) / (rows * columns)).toFixed(3)} bits a weight with the last tiles’ fill`,
    ],
    ['Scale of the weights', realText(scale)],
    ['Share of zeros', counts === undefined ? 'not counted yet' : shareText(counts.zero / (rows * columns))],
    [
      'Entropy of the weights',
      counts === undefined ? 'not counted yet' : `${entropyOf(counts).toFixed(4)} bits`,
    ],
    [
      'Sums of all rows for the token above',
      isOfIt ? `${countText(product.leastSum)} to ${countText(product.mostSum)}` : 'not computed yet',
    ],
    [
      'Its activations that round to 0',
      isOfIt
        ? shareText(product.quantised.filter((value) => value === 0).length / columns)
        : 'not computed yet',
    ],
    ['Largest sum that can be', `±${countText(127 * columns)}, ${bitsFor(127 * columns)} bits with its sign`],
  ];
  return (
    <section aria-labelledby="inside-authors">
      <h2 id="inside-authors">For authors of kernels</h2>
      <dl class="inside-facts">
        {facts.map(([term, fact]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
      </dl>
      <p>
        Processors have no instruction for adding or subtracting by a third value. The kernels take the codes
        0, 1, 2 (weight + 1) through dot products of 8-bit integers, exact in 32 bits, and take the sum of the
        activations away once for each token; zeros cost them as much as other weights. What is won is that so
        few bytes come from memory, and that the result is the same on every processor.
      </p>
    </section>
  );
}

function orderText({ code, rows, columns, bytes }: LayoutFacts): string {
  if (code === 'int8') return 'one int8 a weight, no tiles';
  const digits = columns / bytes;
  const digit = code === 'bits' ? '2-bit field d (lowest first)' : 'base-3 digit d (lowest first)';
  return `${rows} rows of ${bytes} bytes; ${digit} of byte i, d = 0 to ${digits - 1}, is the code of column ${bytes} d + i`;
}

/** Of a number and its sign. */
function bitsFor(most: number): number {
  return Math.ceil(Math.log2(most + 1)) + 1;
}

function entropyOf({ minusOne, zero, plusOne }: { minusOne: number; zero: number; plusOne: number }): number {
  const all = minusOne + zero + plusOne;
  let bits = 0;
  for (const count of [minusOne, zero, plusOne]) {
    if (count > 0) bits -= (count / all) * Math.log2(count / all);
  }
  return bits;
}
