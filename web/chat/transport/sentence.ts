/** Messages of the engine and of the server, which begin small and have no full stop, as sentences for the page. */

/** A sentence; what begins with a name keeps it as it is. */
export function asSentence(message: string): string {
  const text = message.trim();
  const begun = /^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.?!…]$/.test(begun) ? begun : `${begun}.`;
}

/** Errors that the engine and the server call by these codes, told for somebody who talks with a model. */
const TOLD: Readonly<Record<string, string>> = {
  'chat/no-template':
    'This model only continues texts: its file has no template for conversations. Choose one that was made to chat.',
  context_length_exceeded: 'The conversation is longer than the model’s context.',
  'session/context-length-exceeded': 'The conversation is longer than the model’s context.',
};

/** What to say of an error with a code. */
export function sentenceFor(code: string | undefined, message: string): string {
  return (code !== undefined ? TOLD[code] : undefined) ?? asSentence(message);
}
