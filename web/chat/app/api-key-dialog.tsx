/** Asks for the key of a server that wants one. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from '../elements/dialog.tsx';
import { apiKey } from '../store/api-key.ts';
import { giveKey, isKeyWanted } from '../store/connecting.ts';
import { retryAfterKey } from '../store/generation.ts';
import { notifyFault } from '../store/notices.ts';

/** Shown when the server asked. */
export function ApiKeyDialog(): JSX.Element | null {
  return isKeyWanted.value ? <Form /> : null;
}

function Form(): JSX.Element {
  const [key, setKey] = useState('');
  const [isRemembered, setRemembered] = useState(false);
  const close = () => {
    isKeyWanted.value = false;
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (key.trim() !== '') giveKey(key.trim(), isRemembered).then(retryAfterKey, notifyFault);
  };
  return (
    <Dialog title="This server wants a key" place="middle" onClose={close}>
      <form onSubmit={submit} class="stack">
        <p>
          {apiKey.value === undefined
            ? 'It answers only those who have one of its API keys.'
            : 'The key that was given is none of its keys.'}
        </p>
        <label class="field">
          API key
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={isRemembered}
            onChange={(event) => setRemembered(event.currentTarget.checked)}
          />
          Remember it in this browser
        </label>
        <div class="buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={key.trim() === ''}>
            Use this key
          </button>
        </div>
      </form>
    </Dialog>
  );
}
