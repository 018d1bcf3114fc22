/**
 * The tab "Inside" as a whole, to be read from top to bottom: what a weight is, the weights of a matrix, how many have which
 * value, and one row's product with a text's activations, all with the numbers of the model in use.
 */
import './inside.css';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { load } from '../store/connecting.ts';
import { modelId, models, runtime, transport } from '../store/connection.ts';
import { AuthorsSection } from './authors-section.tsx';
import { BytesSection } from './bytes-section.tsx';
import { DotSection } from './dot/dot-section.tsx';
import { Look } from './look.ts';
import { MatrixSection } from './matrix-section.tsx';
import { SharesSection } from './shares-section.tsx';
import { roughText } from './wording.ts';

/** The whole tab. */
export function InsideTab(): JSX.Element {
  const from = transport.value;
  const id = modelId.value;
  const title = models.value.find((model) => model.id === id)?.title ?? id;
  const [look, setLook] = useState<Look>();
  const [fault, setFault] = useState<string>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    setLook(undefined);
    setFault(undefined);
    if (from === undefined || id === undefined) return;
    const controller = new AbortController();
    const { signal } = controller;
    const open = async () => {
      if (runtime.peek() === undefined) await load(signal);
      const opened = new Look(from.inside, await from.inside.overview(id, signal));
      signal.throwIfAborted();
      setLook(opened);
      await opened.count(signal);
    };
    open().catch((error: unknown) => {
      if (!signal.aborted) setFault(error instanceof Error ? error.message : String(error));
    });
    return () => controller.abort();
  }, [from, id, attempt]);

  return (
    <div class="inside">
      {look === undefined ? (
        <>
          <h1>Inside</h1>
          {fault === undefined ? (
            <p class="inside-lead" role="status">
              {id === undefined ? 'Choose a model to look into.' : `Opening ${title}…`}
            </p>
          ) : (
            <div class="inside-fault" role="alert">
              <p>{fault}</p>
              <button type="button" onClick={() => setAttempt(attempt + 1)}>
                Try again
              </button>
            </div>
          )}
        </>
      ) : (
        <Sections key={`${from?.kind} ${id}`} look={look} title={title ?? ''} />
      )}
    </div>
  );
}

function Sections({ look, title }: { look: Look; title: string }): JSX.Element {
  const { matrices } = look.overview;
  const weights = matrices.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  if (matrices.length === 0) {
    return (
      <>
        <h1>Inside {title}</h1>
        <p class="inside-lead">
          This model is not one of those whose weights are −1, 0 and +1: its matrices are ordinary numbers of
          16 or 32 bits, so there is nothing of that kind to be seen in it. Choose a BitNet model to look
          into.
        </p>
      </>
    );
  }
  return (
    <>
      <h1>Inside {title}</h1>
      <p class="inside-lead">
        A language model is mostly tables of numbers, its weights. This one has {roughText(weights)} of them
        in {matrices.length} tables, and each is <Value of={-1} />, <Value of={0} /> or <Value of={1} />. Here
        are all of them, read from the memory that the model computes with at this moment.
      </p>
      <BytesSection look={look} />
      <MatrixSection look={look} />
      <SharesSection look={look} />
      <DotSection look={look} />
      <AuthorsSection look={look} />
    </>
  );
}

/** One of the three values, in its colour. */
function Value({ of }: { of: -1 | 0 | 1 }): JSX.Element {
  return <span class={`weight ${['minus', 'zero', 'plus'][of + 1]}`}>{['−1', '0', '+1'][of + 1]}</span>;
}
