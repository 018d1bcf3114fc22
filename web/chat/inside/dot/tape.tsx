/** Some terms of a product side by side: activation, whole number, weight, what it adds, and the sum so far. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { signedText } from '../wording.ts';
import type { Terms } from './terms.ts';

/** See the file's header. */
export function Tape({ terms, done, fitting }: { terms: Terms; done: number; fitting: number }): JSX.Element {
  const { count, product } = terms;
  const most = useMemo(
    () => product.input.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-9),
    [product],
  );
  const shown = Math.min(fitting, count);
  const first = Math.min(Math.max(done - Math.ceil(shown * 0.7), 0), count - shown);
  const places = Array.from({ length: shown }, (_, i) => first + i);
  const cells = (of: (k: number) => JSX.Element) =>
    places.map((k) => (
      <td key={k} class={termClass(k, done)}>
        {of(k)}
      </td>
    ));
  return (
    <table class="inside-tape">
      <caption class="unseen">
        Terms {first} to {first + shown - 1} of {count}
      </caption>
      <tbody>
        <tr class="numbers">
          <th scope="row">column</th>
          {places.map((k) => (
            <td key={k} class={termClass(k, done)}>
              {k}
            </td>
          ))}
        </tr>
        <tr class="inputs">
          <th scope="row">activation</th>
          {cells((k) => (
            <Input value={product.input[k]!} most={most} />
          ))}
        </tr>
        <tr>
          <th scope="row">rounded</th>
          {cells((k) => (
            <>{signedText(product.quantised[k]!)}</>
          ))}
        </tr>
        <tr class="weights">
          <th scope="row">weight</th>
          {cells((k) => (
            <Weight value={product.weights[k]!} />
          ))}
        </tr>
        <tr class="adds">
          <th scope="row">adds</th>
          {cells((k) => (
            <>{product.weights[k] === 0 ? '·' : signedText(product.weights[k]! * product.quantised[k]!)}</>
          ))}
        </tr>
        <tr class="sums">
          <th scope="row">sum</th>
          {cells((k) => (
            <>{k < done ? signedText(terms.sums[k + 1]!) : ''}</>
          ))}
        </tr>
      </tbody>
    </table>
  );
}

function termClass(k: number, done: number): string | undefined {
  if (k === done - 1) return 'now';
  return k < done ? undefined : 'later';
}

function Input({ value, most }: { value: number; most: number }): JSX.Element {
  const share = Math.abs(value) / most;
  const bar =
    value < 0
      ? { insetBlockStart: '50%', blockSize: `${50 * share}%` }
      : { insetBlockEnd: '50%', blockSize: `${50 * share}%` };
  return (
    <>
      <span class="inside-activation" aria-hidden="true">
        <span class="inside-activation-bar" style={bar} />
      </span>
      {shortText(value)}
    </>
  );
}

function Weight({ value }: { value: number }): JSX.Element {
  return <span class={`weight ${['minus', 'zero', 'plus'][value + 1]}`}>{signedText(value)}</span>;
}

/** In as few characters as a narrow column holds. */
function shortText(value: number): string {
  const digits = Math.abs(value) >= 99.5 ? 0 : Math.abs(value) >= 9.95 ? 1 : 2;
  return value.toFixed(digits).replace('-', '−');
}
