/** The tab "Machine": how busy whatever runs the models is, as large figures, plots of the last minutes, and in words. */
import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { transport } from '../store/connection.ts';
import type { Transport, TransportError } from '../transport/transport.ts';
import { FigureCard } from './figure-card.tsx';
import { FIGURES } from './figures.ts';
import { look, type MachineState, machine } from './watch.ts';
import { summaryText } from './words.ts';
import './machine.css';

const MINUTES = [2, 5, 10] as const;

/** What is shown while it is paused. */
interface Frozen {
  readonly samples: MachineState['history']['samples'];
  readonly latest: MachineState['history']['latest'];
}

/** The whole tab. */
export function MachineTab(): JSX.Element {
  const minutes = useSignal<number>(MINUTES[0]);
  const frozen = useSignal<Frozen | undefined>(undefined);
  const drawn = useSignal(0);
  useEffect(look, []);
  // One plot in each frame: all at once would hold up a reply that is shown meanwhile.
  useSignalEffect(() => {
    if (drawn.value === FIGURES.length) return undefined;
    const frame = requestAnimationFrame(() => {
      drawn.value++;
    });
    return () => cancelAnimationFrame(frame);
  });
  const state = machine.value;
  const source = transport.value;
  const { samples, latest } = frozen.value ?? state?.history ?? { samples: [], latest: undefined };
  const duration = minutes.value * 60_000;
  const pause = () => {
    frozen.value = frozen.value === undefined ? { samples, latest } : undefined;
  };
  return (
    <div class="machine-tab">
      <h1>Machine</h1>
      <div class="machine-controls">
        <p class="machine-what">{whatText(source, latest)}</p>
        <label>
          <span>Last</span>
          <select
            value={minutes.value}
            onChange={(event) => {
              minutes.value = Number(event.currentTarget.value);
            }}
          >
            {MINUTES.map((choice) => (
              <option key={choice} value={choice}>
                {choice} minutes
              </option>
            ))}
          </select>
        </label>
        <button type="button" aria-pressed={frozen.value !== undefined} onClick={pause}>
          Pause
        </button>
      </div>
      <p class="machine-state" role="status">
        {faultText(state?.fault)}
      </p>
      <div class="figure-cards">
        {FIGURES.map((figure, index) => (
          <FigureCard
            key={figure.id}
            figure={figure}
            samples={samples}
            reading={latest}
            duration={duration}
            isDrawn={index < drawn.value}
          />
        ))}
      </div>
      <section class="machine-words" aria-labelledby="machine-words-title">
        <h2 id="machine-words-title">In words</h2>
        <p>{summaryText(source?.kind, latest, samples, state?.fault !== undefined)}</p>
      </section>
    </div>
  );
}

function whatText(source: Transport | undefined, latest: Frozen['latest']): string {
  if (source === undefined) return 'Looking for what runs the models.';
  const { backend, threads } = latest?.runtime ?? {};
  const where = source.kind === 'server' ? 'The server' : 'This device';
  if (latest === undefined) return `${where}.`;
  if (backend === undefined) return `${where}, with no model loaded.`;
  const with_ = threads === undefined ? '' : `, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return `${where}: ${backend}${with_}.`;
}

function faultText(fault: TransportError | undefined): string {
  switch (fault?.reason) {
    case undefined:
      return '';
    case 'unauthorised':
      return 'The server wants an API key before it tells how busy it is. Enter it in Chat; this goes on by itself then.';
    case 'unreachable':
      return 'Nobody answers. This goes on by itself when the server is back.';
    default:
      return `${fault?.message} This is asked again every few seconds.`;
  }
}
