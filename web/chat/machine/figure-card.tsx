/** One subject of the tab: its large figure, its plot with a legend, and the same as a table. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { MachineReading } from '../transport/machine-reading.ts';
import { type Figure, isEmpty } from './figures.ts';
import { meanOf, mostOf, type Sample, spans } from './history.ts';
import { Plot } from './plot.tsx';

/** Rows of a table. */
const ROWS = 12;

/** What is shown of the readings. */
interface Shown {
  readonly samples: readonly Sample[];
  readonly reading: MachineReading | undefined;
  /** Milliseconds. */
  readonly duration: number;
}

/** The whole card. */
export function FigureCard({
  figure,
  isDrawn,
  ...shown
}: Shown & {
  readonly figure: Figure;
  /** Whether it is the plot's turn. */
  readonly isDrawn: boolean;
}): JSX.Element {
  const { samples, reading, duration } = shown;
  const [point, setPoint] = useState<number>();
  const now = figure.now(samples);
  const at = point === undefined ? undefined : samples[point];
  return (
    <section class="figure-card" aria-labelledby={`${figure.id}-title`}>
      <h2 id={`${figure.id}-title`}>{figure.title}</h2>
      <p class="figure-now">
        <Value text={now === undefined ? undefined : figure.text(now)} />
        <span class="figure-caption">{reading === undefined ? '' : figure.caption(reading)}</span>
      </p>
      <div class="plot-frame">
        {isDrawn ? (
          <Plot
            figure={figure}
            samples={samples}
            duration={duration}
            most={figure.most(reading)}
            label={labelOf(figure, shown)}
            onPoint={setPoint}
          />
        ) : (
          <div class="plot" />
        )}
        {samples.length > 1 && isEmpty(figure, samples) && <p class="plot-empty">{figure.empty.text}</p>}
      </div>
      <Legend figure={figure} samples={samples} at={at} />
      <Table figure={figure} {...shown} />
    </section>
  );
}

/** A number, large, and its unit. */
function Value({ text }: { readonly text: string | undefined }): JSX.Element {
  const [number, ...unit] = text?.split(' ') ?? ['–'];
  return (
    <span class="figure-value">
      {number}
      {unit.length > 0 && <small> {unit.join(' ')}</small>}
    </span>
  );
}

/** Which line is which, and what they are at the moment that is pointed at. */
function Legend({
  figure,
  samples,
  at,
}: {
  readonly figure: Figure;
  readonly samples: readonly Sample[];
  readonly at: Sample | undefined;
}): JSX.Element {
  const end = samples.at(-1)?.time ?? 0;
  return (
    <p class="plot-legend">
      {figure.lines.map(({ name, value }, index) => {
        const found = at === undefined ? undefined : value(at);
        return (
          <span key={name} class={index === 0 ? 'line-first' : 'line-second'}>
            {name}
            {found !== undefined && <b> {figure.text(found)}</b>}
          </span>
        );
      })}
      {at !== undefined && <span>{Math.round((end - at.time) / 1000)} s ago</span>}
    </p>
  );
}

function Table({ figure, samples, duration }: Shown & { readonly figure: Figure }): JSX.Element {
  const [isOpen, setIsOpen] = useState(false);
  const end = samples.at(-1)?.time ?? 0;
  return (
    <details class="figure-table" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>
        Table<span class="unseen"> of {figure.title}</span>
      </summary>
      {isOpen && (
        <table>
          <thead>
            <tr>
              <th scope="col">Seconds ago</th>
              {figure.lines.map(({ name }) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {spans(samples, duration, ROWS).map(({ from, to, samples: part }) => (
              <tr key={Math.round((end - to) / 1000)}>
                <th scope="row">
                  {Math.round((end - to) / 1000)} to {Math.round((end - from) / 1000)}
                </th>
                {figure.lines.map(({ name, value }) => {
                  const mean = meanOf(part, value);
                  return <td key={name}>{mean === undefined ? '–' : figure.text(mean)}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

/** What the plot shows, for those who do not see it. */
function labelOf(figure: Figure, { samples, duration }: Shown): string {
  const from = (samples.at(-1)?.time ?? 0) - duration;
  const seen = samples.filter(({ time }) => time >= from);
  const lines = figure.lines.map(({ name, value }) => {
    const [mean, most] = [meanOf(seen, value), mostOf(seen, value)];
    return mean === undefined || most === undefined
      ? `${name}: not told`
      : `${name}: ${figure.text(mean)} on average, ${figure.text(most)} at most`;
  });
  return `${figure.title} over the last ${duration / 60_000} minutes. ${lines.join('. ')}.`;
}
