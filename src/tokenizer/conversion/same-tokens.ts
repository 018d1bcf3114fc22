/**
 * Whether two tokenizers give the same tokens: the check at the end of every conversion, on the text of every token and
 * on some texts that rules for cutting differ in. Not a proof, but a wrong rule or a wrong order of merges shows.
 */
import type { Tokenizer } from '../tokenizer.ts';

/** Spaces, line ends, digits, contractions, scripts with and without spaces, emoji of several code points, bytes. */
const TEXTS: readonly string[] = [
  "It's 12345 o'clock, isn't it?  I'LL say:  3.14 + 2,718 = 5,858\n\n\tdone.   ",
  'function read_file(path) { return open(path)?.read() ?? []; } // a_b-c\r\n\r\nend',
  'Grüße aus Köln, naïve café; Привет, мир! 你好，世界。 こんにちは 안녕하세요 שלום مرحبا हिन्दी',
  'tabs\tand   runs    of     spaces\n  indented\n\n\n   more \u00a0\u2003 odd \ufeff',
  '👩‍👩‍👧‍👦 🇩🇪 e\u0301 \u0000\u0001 \u{10ffff} ½ ² ₀ Ⅷ ٣',
  ' leading space',
  '',
  'x',
];

/** A text that the two cut into different tokens; undefined when none was found. */
export function differingText(first: Tokenizer, second: Tokenizer): string | undefined {
  const isSame = (text: string): boolean => idsOf(first, text).join() === idsOf(second, text).join();
  for (const text of TEXTS) if (!isSame(text)) return text;
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let id = 0; id < first.vocabSize; id++) {
    let text: string;
    try {
      text = utf8.decode(first.tokenBytes(id));
    } catch {
      // Part of a character.
      continue;
    }
    if (!isSame(text)) return text;
  }
  return undefined;
}

/** The ids, or the reason why there are none. */
function idsOf(tokenizer: Tokenizer, text: string): readonly (number | string)[] {
  try {
    return tokenizer.encode(text, { addBos: false, addEos: false, parseSpecial: true });
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
