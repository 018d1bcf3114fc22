/**
 * Short messages at the upper edge, and what is only read aloud. Everything beside an open dialog is out of reach, so a
 * dialog has them within it.
 */
import type { JSX } from 'preact';
import { announcement, dismiss, type Notice, notices } from '../store/notices.ts';
import { Icon } from './icons.tsx';

/** Both. */
export function NoticesView(): JSX.Element {
  return (
    <>
      <div class="notices">
        {notices.value.map((notice) => (
          <NoticeView key={notice.id} notice={notice} />
        ))}
      </div>
      <p class="unseen" role="status">
        {announcement.value}
      </p>
    </>
  );
}

function NoticeView({ notice }: { readonly notice: Notice }): JSX.Element {
  const { id, text, isFault, action } = notice;
  return (
    <div class={isFault ? 'notice notice-fault' : 'notice'} role={isFault ? 'alert' : 'status'}>
      <span>{text}</span>
      {action && (
        <button
          type="button"
          onClick={() => {
            dismiss(id);
            action.run();
          }}
        >
          {action.title}
        </button>
      )}
      <button type="button" class="plain" aria-label="Dismiss" onClick={() => dismiss(id)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
