/** The sum of a product after each of its terms, as a line, with a mark where it is now. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { signedText } from '../wording.ts';
import type { Terms } from './terms.ts';

/** Points of the line: more than a screen has pixels for are not drawn. */
const POINTS = 500;
const WIDTH = 1000;
const HEIGHT = 100;

/** See the file's header. */
export function RunningSum({ terms, done }: { terms: Terms; done: number }): JSX.Element {
  const { path, least, most } = useMemo(() => lineOf(terms), [terms]);
  const range = Math.max(most - least, 1);
  const y = (sum: number) => HEIGHT * (1 - (sum - least) / range);
  return (
    <div class="inside-sum">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <line class="nought" x1={0} x2={WIDTH} y1={y(0)} y2={y(0)} />
        <path d={path} />
        <rect
          class="later"
          x={(WIDTH * done) / terms.count}
          width={WIDTH - (WIDTH * done) / terms.count}
          y={-5}
          height={HEIGHT + 10}
        />
      </svg>
      <span class="inside-sum-most">{signedText(most)}</span>
      <span class="inside-sum-least">{signedText(least)}</span>
      <span
        class="inside-sum-now"
        style={{
          insetInlineStart: `${(100 * done) / terms.count}%`,
          insetBlockStart: `${y(terms.sums[done]!)}%`,
        }}
      />
    </div>
  );
}

function lineOf({ sums, count }: Terms): { path: string; least: number; most: number } {
  let least = 0;
  let most = 0;
  for (const sum of sums) {
    least = Math.min(least, sum);
    most = Math.max(most, sum);
  }
  const range = Math.max(most - least, 1);
  const points = Math.min(POINTS, count);
  const parts: string[] = [];
  for (let i = 0; i <= points; i++) {
    const k = Math.round((count * i) / points);
    const x = (WIDTH * k) / count;
    const y = HEIGHT * (1 - (sums[k]! - least) / range);
    parts.push(`${x.toFixed(1)} ${y.toFixed(2)}`);
  }
  return { path: `M${parts.join('L')}`, least, most };
}
