/**
 * Characters that change what a reader sees without being seen: overrides of the writing direction, characters of no width,
 * controls, piles of accents. An answer could use them to make one text look like another (Unicode Technical Report 36), so
 * they are shown as marks, except where a script or an emoji needs them.
 */

/** Some hidden characters in a row. */
export interface HiddenRun {
  /** As in `U+202E`; the first of them. */
  readonly code: string;
  /** What it is, for people. */
  readonly name: string;
  readonly count: number;
}

/** A text, and where something is hidden in it. */
export type VisiblePart = string | HiddenRun;

/** More marks than these in one text say nothing more; what follows is shown as U+FFFD. */
const MAX_MARKS = 100;
/** As many accents on a letter as some scripts need. */
const MAX_ACCENTS = 5;

const SUSPECT = new RegExp(
  '[' +
    String.raw`\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5` +
    String.raw`\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb` +
    String.raw`\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}` +
    String.raw`]|\p{M}{${MAX_ACCENTS + 1}}`,
  'u',
);
/** Scripts whose letters join, where joiners and non-joiners are spelling. */
const JOINING =
  /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const PICTURE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}]/u;
const EMOJI_BASE = /[\p{Emoji}\p{Extended_Pictographic}]/u;
const ACCENT = /\p{M}/u;
const BLACK_FLAG = 0x1f3f4;

/** The text in parts; one part, the text itself, where nothing is hidden. */
export function visibleParts(text: string): readonly VisiblePart[] {
  return SUSPECT.test(text) ? split(Array.from(text)) : [text];
}

function split(characters: readonly string[]): VisiblePart[] {
  const isRightToLeft = characters.some((character) => RIGHT_TO_LEFT.test(character));
  const parts: VisiblePart[] = [];
  let shown = '';
  let accents = 0;
  let run: { code: number; count: number } | undefined;
  let marks = 0;
  const endRun = () => {
    if (run === undefined) return;
    if (marks++ < MAX_MARKS) {
      if (shown !== '') parts.push(shown);
      parts.push({ code: codeOf(run.code), name: nameOf(run.code), count: run.count });
      shown = '';
    } else shown += '\ufffd';
    run = undefined;
  };
  for (const [index, character] of characters.entries()) {
    const code = character.codePointAt(0)!;
    accents = ACCENT.test(character) ? accents + 1 : 0;
    const isHidden =
      accents > MAX_ACCENTS || (SUSPECT.test(character) && !isNeeded(code, characters, index, isRightToLeft));
    if (!isHidden) {
      endRun();
      shown += character;
    } else if (run === undefined) run = { code, count: 1 };
    else run.count++;
  }
  endRun();
  if (shown !== '') parts.push(shown);
  return parts;
}

function isNeeded(code: number, all: readonly string[], index: number, isRightToLeft: boolean): boolean {
  const before = all[index - 1] ?? '';
  const after = all[index + 1] ?? '';
  switch (true) {
    case code === 0x200d:
      return (
        ((PICTURE.test(before) || before === '\ufe0f') && PICTURE.test(after)) ||
        (JOINING.test(before) && (after === '' || JOINING.test(after) || !/\S/.test(after)))
      );
    case code === 0x200c:
      return JOINING.test(before) && (JOINING.test(after) || !/\S/.test(after));
    case code === 0x200e || code === 0x200f || code === 0x061c:
      return isRightToLeft && !isDirectionMark(before);
    case code === 0xfe0e || code === 0xfe0f:
      return EMOJI_BASE.test(before);
    case code >= 0xfe00 && code <= 0xfe0d:
      return /[\p{L}\p{S}]/u.test(before);
    case code >= 0xe0100 && code <= 0xe01ef:
      return /\p{Script=Han}/u.test(before);
    case code >= 0xe0020 && code <= 0xe007f:
      return isInFlag(all, index);
    case code >= 0x180b && code <= 0x180f:
      return code !== 0x180e && /\p{Script=Mongolian}/u.test(before);
    default:
      return false;
  }
}

function isDirectionMark(character: string): boolean {
  return character === '\u200e' || character === '\u200f' || character === '\u061c';
}

/** Flags of regions are a black flag and at most six tags. */
function isInFlag(all: readonly string[], index: number): boolean {
  for (let at = index - 1; at >= Math.max(0, index - 7); at--) {
    const code = all[at]!.codePointAt(0)!;
    if (code === BLACK_FLAG) return true;
    if (code < 0xe0020 || code > 0xe007f) return false;
  }
  return false;
}

function codeOf(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

function nameOf(code: number): string {
  switch (true) {
    case code === 0x1b:
      return 'escape, as terminals take it';
    case code < 0x20 || (code >= 0x7f && code <= 0x9f):
      return 'control character';
    case code >= 0x202a && code <= 0x202e:
      return 'override of the writing direction';
    case code >= 0x2066 && code <= 0x2069:
      return 'isolate of the writing direction';
    case code === 0x200e || code === 0x200f || code === 0x061c:
      return 'mark of the writing direction';
    case code === 0xad:
      return 'soft hyphen';
    case code === 0x2028 || code === 0x2029:
      return 'separator';
    case (code >= 0xfe00 && code <= 0xfe0f) || (code >= 0xe0100 && code <= 0xe01ef):
      return 'variation selector';
    case code >= 0xe0000 && code <= 0xe0fff:
      return 'tag';
    case ACCENT.test(String.fromCodePoint(code)):
      return 'accent upon accents';
    default:
      return 'character of no width';
  }
}
