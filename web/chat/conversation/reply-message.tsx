/** A reply: its text or its tokens, how it was made, and what can be done with it; also while it comes. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { rateText, secondsText } from '../../shared/quantities.ts';
import { fetched } from '../app/fetched.ts';
import { KeyButton, LoadingBar } from '../app/runtime-panel.tsx';
import { CopyButton } from '../elements/copy-button.tsx';
import { Icon } from '../elements/icons.tsx';
import { type ReplyTurn, showingVariant, shownVariant, type Variant } from '../store/conversation.ts';
import { change, current } from '../store/conversations.ts';
import { readTokens } from '../store/database.ts';
import { type Running, regenerate, running, send } from '../store/generation.ts';
import { notifyFault } from '../store/notices.ts';
import { unpackTokens } from '../store/packed-tokens.ts';
import { TokenView } from '../tokens/token-view.tsx';
import type { TokenDetail } from '../transport/transport.ts';
import { fillOf } from './context-meter.tsx';

interface Props {
  readonly turn: ReplyTurn;
  readonly conversationId: string;
  readonly isLast: boolean;
}

/** One reply. */
export function ReplyMessage({ turn, conversationId, isLast }: Props): JSX.Element {
  const variant = shownVariant(turn);
  const live = running.value?.variant.id === variant.id ? running.value : undefined;
  const [areTokensShown, setTokensShown] = useState(false);
  return (
    <article
      class="message reply"
      aria-label="Reply"
      aria-busy={live !== undefined}
      data-state={variant.state}
    >
      {areTokensShown ? <Tokens variant={variant} live={live} /> : <Text variant={variant} live={live} />}
      {live ? (
        <Waiting live={live} />
      ) : (
        <>
          <Outcome turn={turn} isLast={isLast} />
          <div class="actions">
            {isLast && turn.variants.length > 1 && (
              <VariantSwitch turn={turn} conversationId={conversationId} />
            )}
            <CopyButton text={variant.text} label="Copy reply" />
            <button
              type="button"
              class="plain"
              aria-label="Make another reply"
              title="Make another reply"
              disabled={running.value !== undefined}
              onClick={() => regenerate(turn.id)}
            >
              <Icon name="again" />
            </button>
            <button
              type="button"
              class="plain"
              aria-pressed={areTokensShown}
              title="How likely each token was, and what else might have stood there"
              disabled={variant.statistics === undefined}
              onClick={() => setTokensShown(!areTokensShown)}
            >
              <Icon name="tokens" />
              Tokens
            </button>
            <Facts variant={variant} />
          </div>
        </>
      )}
    </article>
  );
}

const WITHOUT_DETAILS =
  'This reply came without the probabilities of its tokens. Reply settings have them always; then make another reply.';

interface Shown {
  readonly variant: Variant;
  readonly live: Running | undefined;
}

/** What shows replies: it is fetched with the first of them, as it is half of the page's script. */
const markdown = fetched(() => import('../markdown/markdown.tsx').then(({ Markdown }) => Markdown));

function Text({ variant, live }: Shown): JSX.Element {
  const text = live ? live.text.value : variant.text;
  const Markdown = markdown();
  if (Markdown === undefined) return <p class="reply-plain">{text}</p>;
  return <Markdown text={text} isStreaming={live !== undefined} />;
}

function Tokens({ variant, live }: Shown): JSX.Element {
  const [kept, setKept] = useState<readonly TokenDetail[]>();
  const isLive = live !== undefined;
  useEffect(() => {
    if (isLive) return;
    readTokens(variant.id).then((found) => setKept(unpackTokens(found ?? [])), notifyFault);
  }, [variant.id, isLive]);
  const tokens = live ? live.tokens.value : kept;
  if (tokens === undefined) return <Text variant={variant} live={live} />;
  if (tokens.length === 0) {
    return (
      <>
        {(live === undefined || live.count.value > 0) && <p class="soft">{WITHOUT_DETAILS}</p>}
        <Text variant={variant} live={live} />
      </>
    );
  }
  return <TokenView tokens={tokens} />;
}

/** What is going on until the first token is there. */
function Waiting({ live }: { readonly live: Running }): JSX.Element | null {
  const phase = live.phase.value;
  if (phase === 'write') return null;
  return (
    <>
      <p class="reply-waiting">
        <span class="pulse" />
        {phase === 'load' ? 'Getting the model ready' : 'Reading the conversation'}
      </p>
      {phase === 'load' && <LoadingBar />}
    </>
  );
}

/** What became of a reply, if there is more to say than its text. */
function Outcome(props: { readonly turn: ReplyTurn; readonly isLast: boolean }): JSX.Element | null {
  const { turn, isLast } = props;
  const variant = shownVariant(turn);
  const isIdle = running.value === undefined;
  const again = (
    <button type="button" disabled={!isIdle} onClick={() => regenerate(turn.id)}>
      Try again
    </button>
  );
  if (variant.state === 'failed') {
    return (
      <div class="fault" role="alert">
        <p>{variant.fault?.message ?? 'The reply failed.'}</p>
        <div class="buttons">
          {variant.fault?.reason === 'unauthorised' && <KeyButton />}
          {variant.fault?.reason !== 'context-full' && again}
        </div>
      </div>
    );
  }
  const isFull = isLast && fillOf(current.value).isFull;
  const sentence = {
    running: undefined,
    complete: completeSentence(variant, isFull),
    stopped: variant.text === '' ? 'Stopped before it began.' : 'Stopped.',
    interrupted: 'The page was closed before this reply was complete.',
  }[variant.state];
  if (sentence === undefined) return null;
  return (
    <div class="outcome">
      <p>{sentence}</p>
      {variant.text === '' ? (
        again
      ) : isLast && !isFull ? (
        <button type="button" disabled={!isIdle} onClick={() => send('Continue.')}>
          Continue
        </button>
      ) : undefined}
    </div>
  );
}

function completeSentence({ text, statistics }: Variant, isFull: boolean): string | undefined {
  if (statistics?.finishReason !== 'length') return text === '' ? 'The model had nothing to say.' : undefined;
  return isFull ? 'It ends here: the context is full.' : 'It ends here: the settings allow no longer reply.';
}

function VariantSwitch(props: { readonly turn: ReplyTurn; readonly conversationId: string }): JSX.Element {
  const { shown, variants, id } = props.turn;
  const show = (index: number) => {
    change(props.conversationId, (found) => showingVariant(found, id, index)).catch(notifyFault);
  };
  return (
    <span class="variants">
      <button
        type="button"
        class="plain"
        aria-label="Earlier reply"
        disabled={shown === 0}
        onClick={() => show(shown - 1)}
      >
        <Icon name="left" />
      </button>
      <span>
        {shown + 1} / {variants.length}
      </span>
      <button
        type="button"
        class="plain"
        aria-label="Later reply"
        disabled={shown === variants.length - 1}
        onClick={() => show(shown + 1)}
      >
        <Icon name="right" />
      </button>
    </span>
  );
}

/** Counts and times, in one line. */
function Facts({ variant }: { readonly variant: Variant }): JSX.Element | null {
  const { statistics, model, place } = variant;
  if (statistics === undefined) return null;
  const { generatedTokens, tokensPerSecond, firstTokenSeconds, promptTokens, cachedTokens } = statistics;
  const facts = [
    `${generatedTokens.toLocaleString('en')} ${generatedTokens === 1 ? 'token' : 'tokens'}`,
    tokensPerSecond === undefined ? undefined : `${rateText(tokensPerSecond)} tokens/s`,
    firstTokenSeconds === undefined ? undefined : `first after ${secondsText(firstTokenSeconds)}`,
    promptTokens === undefined
      ? undefined
      : `${(cachedTokens ?? 0).toLocaleString('en')} of ${promptTokens.toLocaleString('en')} prompt tokens cached`,
  ];
  const title = `${model}, ${place === 'server' ? 'on the server' : 'on this device'}`;
  return (
    <p class="reply-facts" title={title}>
      {facts.filter(Boolean).join(' · ')}
    </p>
  );
}
