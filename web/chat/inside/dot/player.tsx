/** Goes through a product's terms: a tape of a few of them, buttons and a slider to go along it, and the sum as it grows. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { countText, signedText } from '../wording.ts';
import { RunningSum } from './running-sum.tsx';
import { Tape } from './tape.tsx';
import type { Terms } from './terms.ts';

/** CSS pixels of a term on the tape, and of the names before them. */
const TERM_WIDTH = 46;
const NAMES_WIDTH = 86;
/** Between two steps; after some of them, steps grow, so that any row comes to its end. */
const STEP_MS = 110;
const SLOW_STEPS = 24;
const GROWTH = 1.06;

/** See the file's header. */
export function Player({ terms }: { terms: Terms }): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const [fitting, setFitting] = useState(6);
  const [done, setDone] = useState(() => Math.min(8, terms.count));
  const [isPlaying, setPlaying] = useState(false);

  useEffect(() => {
    setPlaying(false);
    setDone(Math.min(8, terms.count));
  }, [terms]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      setFitting(Math.max(3, Math.floor((entry!.contentRect.width - NAMES_WIDTH) / TERM_WIDTH)));
    });
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!isPlaying) return;
    let steps = 0;
    const timer = setInterval(() => {
      steps++;
      const stride = steps <= SLOW_STEPS ? 1 : Math.ceil(GROWTH ** (steps - SLOW_STEPS));
      setDone((before) => Math.min(terms.count, before + stride));
    }, STEP_MS);
    return () => clearInterval(timer);
  }, [isPlaying, terms]);
  useEffect(() => {
    if (done >= terms.count) setPlaying(false);
  }, [done, terms]);

  const go = (to: number) => {
    setPlaying(false);
    setDone(Math.min(Math.max(to, 0), terms.count));
  };
  const play = () => {
    if (!isPlaying && done >= terms.count) setDone(0);
    setPlaying(!isPlaying);
  };
  const { sum, additions, subtractions, skipped } = terms.after(done);
  return (
    <div class="inside-player" ref={frame}>
      <Tape terms={terms} done={done} fitting={fitting} />
      <RunningSum terms={terms} done={done} />
      <div class="inside-controls">
        <button type="button" class="inside-play" onClick={play}>
          {isPlaying ? 'Pause' : 'Play'}
        </button>
        <button type="button" aria-label="One term back" onClick={() => go(done - 1)} disabled={done === 0}>
          ‹
        </button>
        <button
          type="button"
          aria-label="One term further"
          onClick={() => go(done + 1)}
          disabled={done === terms.count}
        >
          ›
        </button>
        <button type="button" onClick={() => go(terms.count)} disabled={done === terms.count}>
          To the end
        </button>
        <label class="inside-slider">
          <span class="unseen">Terms that are added up</span>
          <input
            type="range"
            min={0}
            max={terms.count}
            value={done}
            onInput={({ currentTarget }) => go(currentTarget.valueAsNumber)}
          />
        </label>
      </div>
      <p class="inside-so-far" aria-live={isPlaying ? 'off' : 'polite'}>
        <span>
          After {countText(done)} of {countText(terms.count)}: <strong>{signedText(sum)}</strong>
        </span>
        <span>
          {countText(additions)} added, {countText(subtractions)} subtracted, {countText(skipped)} left out
        </span>
      </p>
    </div>
  );
}
