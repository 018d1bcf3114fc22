/** Inside, third: how many weights of each table have which value, layer by layer. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { MatrixName, ValueCounts } from '../transport/inside-source.ts';
import type { Look } from './look.ts';
import { countText, MATRICES, shareText } from './wording.ts';

/** Of a bar, and the height of a plot, in units of its own. */
const BAR = 10;
const HEIGHT = 100;

/** The section. */
export function SharesSection({ look }: { look: Look }): JSX.Element {
  const { matrices, layers } = look.overview;
  const counts = look.counts.value;
  const names = [...new Set(matrices.map(({ name }) => name))];
  const sum = totalOf(counts);
  const isDone = counts.length === matrices.length;
  return (
    <section aria-labelledby="inside-shares">
      <h2 id="inside-shares">How many of each</h2>
      <p class="inside-total" aria-live="polite" aria-busy={!isDone}>
        {look.countFault.value ??
          (isDone
            ? `Of ${countText(sum.all)} weights, ${shareText(sum.minusOne / sum.all)} are −1, ${shareText(sum.zero / sum.all)} are 0 and ${shareText(sum.plusOne / sum.all)} are +1.`
            : `Counting… ${counts.length} of ${matrices.length} tables.`)}
      </p>
      <p>
        A weight of 0 says “this input does not matter here”. Training decides where they go; a 16-bit weight
        is hardly ever exactly 0. Each plot is one kind of table, each bar a layer, the first on the left.
      </p>
      <ul class="inside-legend">
        <li class="plus">+1</li>
        <li class="zero">0</li>
        <li class="minus">−1</li>
      </ul>
      <div class="inside-plots">
        {names.map((name) => (
          <Plot key={name} look={look} name={name} counts={counts} layers={layers} />
        ))}
      </div>
      <details>
        <summary>The same as a table</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
        <section class="inside-table" tabIndex={0} aria-label="Shares of the values">
          <SharesTable names={names} counts={counts} layers={layers} />
        </section>
      </details>
    </section>
  );
}

function totalOf(
  counts: readonly ValueCounts[],
): Omit<ValueCounts, 'layer' | 'name'> & { readonly all: number } {
  const sum = { minusOne: 0, zero: 0, plusOne: 0, all: 0 };
  for (const { minusOne, zero, plusOne } of counts) {
    sum.minusOne += minusOne;
    sum.zero += zero;
    sum.plusOne += plusOne;
    sum.all += minusOne + zero + plusOne;
  }
  return sum;
}

function Plot({
  look,
  name,
  counts,
  layers,
}: {
  look: Look;
  name: MatrixName;
  counts: readonly ValueCounts[];
  layers: number;
}): JSX.Element {
  const pointed = useSignal<number | undefined>(undefined);
  const own = counts.filter((each) => each.name === name);
  const chosen = look.matrix.value;
  const marked = chosen?.name === name ? chosen.layer : undefined;
  const layerAt = (event: MouseEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    return Math.min(layers - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * layers)));
  };
  const told = own.find(({ layer }) => layer === (pointed.value ?? marked));
  return (
    <figure class="inside-plot">
      <figcaption>
        <strong>{MATRICES[name].title}</strong>
        <span>{told === undefined ? 'all layers' : `layer ${told.layer + 1}`}</span>
        <span class="three">
          {partsOf(told === undefined ? own : [told]).map((part) => (
            <span key={part}>{part}</span>
          ))}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${layers * BAR} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
        onPointerMove={(event) => {
          pointed.value = layerAt(event);
        }}
        onPointerLeave={() => {
          pointed.value = undefined;
        }}
        onClick={(event) => look.choose({ layer: layerAt(event), name })}
      >
        {own.map((each) => (
          <Bar key={each.layer} counts={each} isMarked={each.layer === marked} />
        ))}
      </svg>
    </figure>
  );
}

function Bar({ counts, isMarked }: { counts: ValueCounts; isMarked: boolean }): JSX.Element {
  const { layer, minusOne, zero, plusOne } = counts;
  const all = minusOne + zero + plusOne;
  const below = (HEIGHT * minusOne) / all;
  const above = (HEIGHT * plusOne) / all;
  const x = layer * BAR + 0.7;
  const width = BAR - 1.4;
  return (
    <g class={isMarked ? 'marked' : undefined}>
      <rect class="plus" x={x} width={width} y={0} height={above} />
      <rect class="zero" x={x} width={width} y={above} height={HEIGHT - above - below} />
      <rect class="minus" x={x} width={width} y={HEIGHT - below} height={below} />
    </g>
  );
}

function partsOf(counts: readonly ValueCounts[]): string[] {
  if (counts.length === 0) return ['not counted yet'];
  const { minusOne, zero, plusOne, all } = totalOf(counts);
  const part = (name: string, count: number) => `${name}: ${Math.round((100 * count) / all)} %`;
  return [part('−1', minusOne), part('0', zero), part('+1', plusOne)];
}

function SharesTable({
  names,
  counts,
  layers,
}: {
  names: readonly MatrixName[];
  counts: readonly ValueCounts[];
  layers: number;
}): JSX.Element {
  const byPlace = new Map(counts.map((each) => [`${each.layer} ${each.name}`, each]));
  return (
    <table>
      <caption>Shares of −1, 0 and +1 in percent</caption>
      <thead>
        <tr>
          <th scope="col">Layer</th>
          {names.map((name) => (
            <th key={name} scope="col">
              {MATRICES[name].title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {Array.from({ length: layers }, (_, layer) => (
          <tr key={layer}>
            <th scope="row">{layer + 1}</th>
            {names.map((name) => {
              const each = byPlace.get(`${layer} ${name}`);
              return <td key={name}>{each === undefined ? '' : threeShares(each)}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function threeShares(counts: ValueCounts): string {
  const { minusOne, zero, plusOne, all } = totalOf([counts]);
  return [minusOne, zero, plusOne].map((count) => ((100 * count) / all).toFixed(1)).join(' / ');
}
