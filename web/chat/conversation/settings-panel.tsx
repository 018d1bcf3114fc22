/** How replies are made: the system prompt and the sampling parameters, each with a line on what it does. */
import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import { Dialog } from '../elements/dialog.tsx';
import {
  DEFAULT_SETTINGS,
  DETAILS_CHOICES,
  type DetailsChoice,
  isDefault,
  PARAMETERS,
  type Parameter,
  setParameter,
  settings,
} from '../store/settings.ts';

/** At the right edge. */
export function SettingsPanel({ onClose }: { readonly onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Reply settings" place="end" onClose={onClose}>
      <div class="stack">
        <p class="soft">They hold for all conversations from the next reply on.</p>
        <label class="field">
          System prompt
          <textarea
            rows={3}
            value={settings.value.systemPrompt}
            placeholder="Who the model should be, and how it should answer"
            onInput={(event) => {
              settings.value = { ...settings.value, systemPrompt: event.currentTarget.value };
            }}
          />
        </label>
        {PARAMETERS.map((parameter) => (
          <ParameterField key={parameter.name} parameter={parameter} />
        ))}
        <label class="field">
          Probabilities of tokens
          <select
            value={settings.value.details}
            onChange={(event) => {
              settings.value = { ...settings.value, details: event.currentTarget.value as DetailsChoice };
            }}
          >
            {Object.entries(DETAILS_CHOICES).map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
          <small>What the Tokens button of a reply shows. Large models generate more slowly with them.</small>
        </label>
        <button
          type="button"
          disabled={isDefault.value}
          onClick={() => {
            settings.value = DEFAULT_SETTINGS;
          }}
        >
          Reset all
        </button>
      </div>
    </Dialog>
  );
}

function ParameterField({ parameter }: { readonly parameter: Parameter }): JSX.Element {
  const id = useId();
  const { name, title, explanation, least, most, step, empty } = parameter;
  const value = settings.value[name];
  const set = (event: { readonly currentTarget: HTMLInputElement }) => {
    const { value: text } = event.currentTarget;
    setParameter(parameter, text === '' ? undefined : Number(text));
  };
  return (
    <div class="parameter">
      <label for={id}>{title}</label>
      <input
        id={id}
        type="number"
        inputMode="decimal"
        min={least}
        max={most}
        step={step}
        value={value ?? ''}
        placeholder={empty}
        aria-describedby={`${id}-explanation`}
        onChange={set}
      />
      {empty === undefined && (
        <input
          type="range"
          min={least}
          max={most}
          step={step}
          value={value}
          tabIndex={-1}
          aria-hidden="true"
          onInput={set}
        />
      )}
      <small id={`${id}-explanation`}>{explanation}</small>
    </div>
  );
}
