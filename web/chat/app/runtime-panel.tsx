/** Where models run, which one does, and how fast: a button of the header, and the panel behind it, where both are chosen. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { bytesText, rateText } from '../../shared/quantities.ts';
import { Dialog } from '../elements/dialog.tsx';
import { Icon } from '../elements/icons.tsx';
import {
  addFile,
  chooseModel,
  chooseTransport,
  connectionFault,
  isKeyWanted,
  loading,
  refreshModels,
  removeModel,
} from '../store/connecting.ts';
import { modelId, models, runtime, speed, transport, transports } from '../store/connection.ts';
import type { Fault } from '../store/conversation.ts';
import { running } from '../store/generation.ts';
import { notifyFault } from '../store/notices.ts';
import type { ModelChoice, Transport } from '../transport/transport.ts';
import './runtime-panel.css';

const PLACES = {
  server: { title: 'Server', explanation: 'The machine that this page comes from computes.' },
  device: { title: 'This device', explanation: 'Your browser computes; what you write stays here.' },
} as const;

/** The button, and the panel when it is open. */
export function RuntimeButton(): JSX.Element {
  const isOpen = useSignal(false);
  const kind = transport.value?.kind;
  const name = models.value.find(({ id }) => id === modelId.value)?.title;
  const rate = speed.value === undefined ? undefined : `${rateText(speed.value)} tokens/s`;
  const threads = runtime.value?.threads;
  const idle = threads === undefined ? '' : `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  const place = kind ? PLACES[kind].title : 'Connecting';
  return (
    <>
      <button
        type="button"
        class="runtime"
        aria-haspopup="dialog"
        onClick={() => {
          isOpen.value = true;
        }}
      >
        <Icon name={kind ?? 'server'} />
        <span class="unseen">What runs here: </span>
        <span class="runtime-place">{place}</span>
        {name !== undefined && <span class="runtime-model">{name}</span>}
        <span class="runtime-rate">{loading.value ? 'loading' : (rate ?? idle)}</span>
      </button>
      {isOpen.value && (
        <Dialog
          title="What runs here"
          place="top-end"
          onClose={() => {
            isOpen.value = false;
          }}
        >
          <Panel />
        </Dialog>
      )}
    </>
  );
}

function Panel(): JSX.Element {
  const isBusy = running.value !== undefined;
  const device = transports.value.find(({ store }) => store !== undefined);
  return (
    <div class="stack">
      <fieldset class="places" disabled={isBusy}>
        <legend class="unseen">Where models run</legend>
        {transports.value.map((choice) => (
          <Place key={choice.kind} choice={choice} />
        ))}
      </fieldset>
      <RuntimeFacts />
      {connectionFault.value !== undefined && <ConnectionFault fault={connectionFault.value} />}
      <fieldset class="models" disabled={isBusy}>
        <legend>Model</legend>
        {models.value.map((model) => (
          <ModelRow key={model.id} model={model} />
        ))}
        {models.value.length === 0 && connectionFault.value === undefined && <p class="soft">Looking…</p>}
      </fieldset>
      <LoadingBar />
      {device && <FileButton isBusy={isBusy} />}
      {isBusy && <p class="soft">A reply is under way; both can be changed when it is over.</p>}
    </div>
  );
}

function Place({ choice }: { readonly choice: Transport }): JSX.Element {
  const { title, explanation } = PLACES[choice.kind];
  return (
    <label class="place">
      <input
        type="radio"
        name="place"
        checked={transport.value === choice}
        onChange={() => chooseTransport(choice)}
      />
      <span>
        <strong>{title}</strong>
        <small>{explanation}</small>
      </span>
    </label>
  );
}

function RuntimeFacts(): JSX.Element {
  const facts = [
    ['Kernels', runtime.value?.backend],
    ['Threads', runtime.value?.threads],
    ['Speed', speed.value === undefined ? undefined : `${rateText(speed.value)} tokens/s`],
  ] as const;
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? '–'}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Asks for the server's key. */
export function KeyButton(): JSX.Element {
  return (
    <button
      type="button"
      onClick={() => {
        isKeyWanted.value = true;
      }}
    >
      Give a key
    </button>
  );
}

/** Why nothing answers, and what can be done about it. */
export function ConnectionFault({ fault }: { readonly fault: Fault }): JSX.Element {
  return (
    <div class="fault" role="alert">
      <p>{fault.message}</p>
      <div class="buttons">
        {fault.reason === 'unauthorised' && <KeyButton />}
        <button
          type="button"
          onClick={() => {
            const from = transport.peek();
            if (from) refreshModels(from, modelId.peek()).catch(notifyFault);
          }}
        >
          Try again
        </button>
      </div>
    </div>
  );
}

function ModelRow({ model }: { readonly model: ModelChoice }): JSX.Element {
  const { id, title, contextLength, isLoaded, fileBytes, isRemovable } = model;
  const facts = [
    fileBytes === undefined ? undefined : bytesText(fileBytes),
    contextLength === undefined ? undefined : `${contextLength.toLocaleString('en')} tokens of context`,
    isLoaded ? 'loaded' : undefined,
  ];
  return (
    <div class="model">
      <label>
        <input type="radio" name="model" checked={id === modelId.value} onChange={() => chooseModel(id)} />
        <span>
          <strong>{title}</strong>
          <small>{facts.filter(Boolean).join(' · ')}</small>
        </span>
      </label>
      {isRemovable && (
        <button
          type="button"
          class="plain"
          aria-label={`Remove ${title} from this browser`}
          title="Remove from this browser"
          onClick={(event) => {
            // The button goes with its model, and the focus must not go with it.
            event.currentTarget.closest('fieldset')?.querySelector('input')?.focus();
            removeModel(id).catch(notifyFault);
          }}
        >
          <Icon name="remove" />
        </button>
      )}
    </div>
  );
}

/** What is being loaded, how far it is, and a way to stop it. */
export function LoadingBar(): JSX.Element | null {
  const current = loading.value;
  if (current === undefined) return null;
  const { progress, title } = current;
  const verb = { download: 'Fetching', store: 'Storing', load: 'Loading' }[progress?.stage ?? 'load'];
  const share = progress?.total ? progress.done / progress.total : undefined;
  return (
    <div class="loading">
      <p>
        {verb} {title}
        {share === undefined ? '…' : `: ${Math.floor(share * 100)} %`}
      </p>
      <button type="button" class="plain" onClick={current.cancel} aria-label="Cancel loading">
        <Icon name="close" />
      </button>
      <progress value={share} max={1} aria-label={`${verb} ${title}`} />
    </div>
  );
}

function FileButton({ isBusy }: { readonly isBusy: boolean }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div>
      <input
        ref={input}
        type="file"
        accept=".gguf"
        class="unseen"
        tabIndex={-1}
        aria-label="GGUF file"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = '';
          if (file) addFile(file).catch(notifyFault);
        }}
      />
      <button type="button" class="wide" disabled={isBusy} onClick={() => input.current?.click()}>
        <Icon name="add" />
        Add a GGUF file to this device
      </button>
    </div>
  );
}
