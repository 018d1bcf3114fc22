/** Inside, first: what a weight is here, and how many bytes that saves in this model. */
import type { JSX } from 'preact';
import { bytesText } from '../../shared/quantities.ts';
import type { Look } from './look.ts';
import { timesText } from './wording.ts';

/** The section. */
export function BytesSection({ look }: { look: Look }): JSX.Element {
  const { matrices, other, layout } = look.overview;
  const ternary = { here: 0, at16: 0 };
  for (const { bytes, bytes16 } of matrices) {
    ternary.here += bytes;
    ternary.at16 += bytes16;
  }
  const here = ternary.here + other.bytes;
  const at16 = ternary.at16 + other.bytes16;
  const bits = (16 * ternary.here) / ternary.at16;
  return (
    <section aria-labelledby="inside-bytes">
      <h2 id="inside-bytes">Three values are enough</h2>
      <p>
        Most models keep a weight as a number of 16 bits, one of 65,536. A BitNet model is trained with
        weights that can be one of three only, and a choice of three is worth log₂ 3 = 1.58 bits: that is what
        “1-bit model” means. In memory it takes{' '}
        {layout.code === 'int8' ? '8 bits' : `${Number(bits.toFixed(2))} bits`} here
        {layout.code === 'base3'
          ? ', since five weights have 3⁵ = 243 possibilities and a byte can tell 256 apart'
          : ''}
        {layout.code === 'bits' ? ', so that four weights fill a byte' : ''}
        {layout.code === 'int8' ? ', since the kernels that run are those for reading, not for speed' : ''}.
      </p>
      <dl class="inside-bars">
        <Bar name="This model" ternary={ternary.here} other={other.bytes} most={Math.max(here, at16)} />
        <Bar
          name="With 16 bits a weight"
          ternary={ternary.at16}
          other={other.bytes16}
          most={Math.max(here, at16)}
        />
      </dl>
      <ul class="inside-legend">
        <li class="ternary">
          <span>
            weights of −1, 0, +1: {bytesText(ternary.here)} in place of {bytesText(ternary.at16)},{' '}
            <strong>{timesText(ternary.at16 / ternary.here)} smaller</strong>
          </span>
        </li>
        <li class="other">
          <span>
            all else (the vocabulary’s table and a few norms, which stay precise): {bytesText(other.bytes)}
            {other.bytes === other.bytes16 ? '' : ` in place of ${bytesText(other.bytes16)}`}
            {other.bytes > other.bytes16 ? ', more than they need, so that they are fast' : ''}
          </span>
        </li>
      </ul>
      <p>
        To write one word, a processor has to read all of these bytes from memory once. It waits for memory
        longer than it computes, so fewer bytes mean more words a second.
      </p>
    </section>
  );
}

function Bar({
  name,
  ternary,
  other,
  most,
}: {
  name: string;
  ternary: number;
  other: number;
  most: number;
}): JSX.Element {
  const width = (bytes: number) => ({ inlineSize: `${(100 * bytes) / most}%` });
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span class="inside-bar" aria-hidden="true">
          <span class="ternary" style={width(ternary)} />
          <span class="other" style={width(other)} />
        </span>
        <span class="inside-bar-text">{bytesText(ternary + other)}</span>
      </dd>
    </div>
  );
}
