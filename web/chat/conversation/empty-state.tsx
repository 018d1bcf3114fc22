/** What a conversation that is yet to begin shows: what this is, what runs it, and what to try. */
import type { JSX } from 'preact';
import { ConnectionFault, LoadingBar } from '../app/runtime-panel.tsx';
import { connectionFault } from '../store/connecting.ts';
import { modelId, models, runtime, transport } from '../store/connection.ts';
import { send } from '../store/generation.ts';
import { suggestionsFor } from './prompts.ts';

/** The whole of it; nothing until it is known which model answers, so that nothing moves then. */
export function EmptyState(): JSX.Element {
  const fault = connectionFault.value;
  if (modelId.value === undefined && fault === undefined) return <div class="empty" />;
  const { about, prompts } = suggestionsFor(models.value.find(({ id }) => id === modelId.value)?.title);
  return (
    <div class="empty">
      <h1>Talk to a 1-bit model</h1>
      <p>Every weight of it is −1, 0 or +1, so an ordinary processor is enough. {about}</p>
      {fault !== undefined && <ConnectionFault fault={fault} />}
      <ul class="prompts" aria-label="Prompts to try">
        {prompts.map((prompt) => (
          <li key={prompt}>
            <button type="button" disabled={modelId.value === undefined} onClick={() => send(prompt)}>
              {prompt}
            </button>
          </li>
        ))}
      </ul>
      <p class="empty-runtime">{runtimeSentence()}</p>
      <LoadingBar />
    </div>
  );
}

function runtimeSentence(): string {
  const kind = transport.value?.kind;
  const title = models.value.find(({ id }) => id === modelId.value)?.title;
  if (kind === undefined || title === undefined) return 'No model answers yet.';
  const place = kind === 'server' ? 'on the server' : 'on this device, in your browser';
  const { backend, threads } = runtime.value ?? {};
  const details = [backend, threads && `${threads} ${threads === 1 ? 'thread' : 'threads'}`].filter(Boolean);
  return `${title} answers ${place}${details.length > 0 ? ` (${details.join(', ')})` : ''}.`;
}
