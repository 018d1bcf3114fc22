/** Inside, second: the weights of one matrix as a picture to look around in. */
import './map/map.css';
import { useSignal } from '@preact/signals';
import { weightPlace } from 'bitnet.ts/inside';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { LayoutFacts, MatrixFacts, MatrixName } from '../transport/inside-source.ts';
import type { Look } from './look.ts';
import { type Seen, WeightMap } from './map/weight-map.ts';
import { countText, MATRICES, realText, shareText, signedText } from './wording.ts';

/** The section. */
export function MatrixSection({ look }: { look: Look }): JSX.Element {
  const matrix = look.matrix.value!;
  return (
    <section aria-labelledby="inside-weights">
      <h2 id="inside-weights">The weights themselves</h2>
      <p>
        A model is a stack of layers, here {look.overview.layers}, and each has seven such tables. Every word
        runs through all of them. A row of a table is what one number of its result is made with.
      </p>
      <MatrixChoice look={look} />
      <p class="inside-purpose">
        {MATRICES[matrix.name].title} {MATRICES[matrix.name].purpose} It has {countText(matrix.rows)} rows and{' '}
        {countText(matrix.columns)} columns, and one scale for all of its weights: ±1 stands for ±
        {realText(matrix.scale)}.
      </p>
      <MapView look={look} />
    </section>
  );
}

/** Which matrix: used beside the map and beside the product. */
export function MatrixChoice({ look }: { look: Look }): JSX.Element {
  const { layer, name } = look.matrix.value!;
  const { layers, matrices } = look.overview;
  const names = [...new Set(matrices.map((matrix) => matrix.name))];
  return (
    <div class="inside-choice">
      <label>
        <span>Layer</span>
        <select
          value={String(layer)}
          onChange={({ currentTarget }) => look.choose({ layer: Number(currentTarget.value), name })}
        >
          {Array.from({ length: layers }, (_, index) => (
            <option key={index} value={String(index)}>
              {index + 1} of {layers}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Table</span>
        <select
          value={name}
          onChange={({ currentTarget }) => look.choose({ layer, name: currentTarget.value as MatrixName })}
        >
          {names.map((each) => (
            <option key={each} value={each}>
              {MATRICES[each].title}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function MapView({ look }: { look: Look }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useRef<WeightMap>(undefined);
  const seen = useSignal<Seen | undefined>(undefined);
  const picked = useSignal<number | undefined>(undefined);
  const fault = useSignal<string | undefined>(undefined);
  const matrix = look.matrix.value!;
  const cell = look.cell.value;
  const { modelId, layout } = look.overview;

  useEffect(() => {
    const made = new WeightMap(canvas.current!, look.source, modelId, {
      onPick: (place) => look.pick(place),
      onHover: (place) => {
        seen.value = place;
      },
      onFault: (sentence) => {
        fault.value = sentence;
      },
    });
    map.current = made;
    return () => made.dispose();
  }, [look, modelId, seen, fault]);
  useEffect(() => {
    fault.value = undefined;
    seen.value = undefined;
    map.current?.show(matrix);
  }, [matrix, fault, seen]);
  useEffect(() => {
    map.current?.mark(cell);
    picked.value = undefined;
    const controller = new AbortController();
    const request = { layer: matrix.layer, name: matrix.name, row: cell.row, column: cell.column };
    look.source
      .tile(modelId, { ...request, rows: 1, columns: 1, step: 1 }, controller.signal)
      .then(([value]) => {
        picked.value = value;
      })
      .catch((error: unknown) => {
        if (!controller.signal.aborted) fault.value = error instanceof Error ? error.message : String(error);
      });
    return () => controller.abort();
  }, [look, modelId, matrix, cell, picked, fault]);

  return (
    <figure class="inside-map">
      <div class="inside-map-frame">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: keys move in it, as in a map */}
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={`Weights of ${MATRICES[matrix.name].title}, layer ${matrix.layer + 1}`}
          aria-describedby="inside-map-keys"
        />
        <div class="inside-map-buttons">
          <button type="button" aria-label="Closer" title="Closer" onClick={() => map.current?.zoom(2)}>
            +
          </button>
          <button type="button" aria-label="Farther" title="Farther" onClick={() => map.current?.zoom(0.5)}>
            −
          </button>
          <button type="button" onClick={() => map.current?.whole()}>
            Whole table
          </button>
          <button type="button" onClick={() => map.current?.single()}>
            Single weights
          </button>
        </div>
      </div>
      <figcaption>
        <p class="inside-seen" aria-live="polite">
          {fault.value ?? seenText(seen.value, cell, picked.value, matrix, layout)}
        </p>
        <ul class="inside-legend">
          <li class="minus">−1</li>
          <li class="zero">0</li>
          <li class="plus">+1</li>
        </ul>
        <p class="inside-hint" id="inside-map-keys">
          Drag to move, + and − zoom; so do pinching and the wheel once the picture was tapped. Arrow keys go
          from weight to weight, 0 shows the whole table. From afar, a dot is the mix of the weights in it.
        </p>
      </figcaption>
    </figure>
  );
}

function seenText(
  seen: Seen | undefined,
  cell: { readonly row: number; readonly column: number },
  picked: number | undefined,
  matrix: MatrixFacts,
  layout: LayoutFacts,
): string {
  if (seen?.shares !== undefined) {
    const { row, column, rows, columns, shares } = seen;
    return (
      `Rows ${span(row, rows)}, columns ${span(column, columns)}: ` +
      `${shareText(shares.minusOne)} are −1, ${shareText(1 - shares.minusOne - shares.plusOne)} are 0, ${shareText(shares.plusOne)} are +1`
    );
  }
  const { row, column } = seen ?? cell;
  const value = seen?.value ?? picked;
  if (value === undefined) return `Row ${countText(row)}, column ${countText(column)}`;
  const { byte, digit } = weightPlace(layout, matrix.columns, row, column);
  return `Row ${countText(row)}, column ${countText(column)}: ${signedText(value)}, in byte ${countText(byte)}${digitText(layout, digit)}`;
}

function span(first: number, count: number): string {
  return count === 1 ? countText(first) : `${countText(first)} to ${countText(first + count - 1)}`;
}

function digitText({ code }: LayoutFacts, digit: number): string {
  if (code === 'int8') return '';
  return code === 'bits' ? `, bits ${2 * digit} and ${2 * digit + 1}` : `, base-3 digit ${digit}`;
}
