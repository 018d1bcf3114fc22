/**
 * The `tokenizer.ggml.*` metadata of a GGUF file from the files of a Hugging Face model, so that a tokenizer read from
 * either gives the same tokens (key names: ggml, docs/gguf.md). GGUF names a rule for cutting text where tokenizer.json spells it out; what the names cannot say is refused,
 * and what makes no difference to ordinary text is reported.
 */
import { assert } from '../../base/assert.ts';
import { BitnetError } from '../../base/errors.ts';
import type { MetadataValue } from '../../formats/gguf/metadata.ts';
import type { GgufEntry } from '../../formats/gguf/write.ts';
import { TextList } from '../../formats/text-list.ts';
import { tokenizerFromGguf } from '../from-gguf.ts';
import {
  type ChosenEnds,
  forEachMerge,
  type HuggingFaceTokenizerFiles,
  type HuggingFaceTokenizerParts,
  readHuggingFaceParts,
  tokenizerFromParts,
} from '../from-huggingface.ts';
import { JsonObject } from '../huggingface-pipeline.ts';
import { type PieceEnd, preTokenizerByName, preTokenizerNameOf } from '../pretokenize.ts';
import { TOKEN_TYPE, type Vocabulary } from '../vocabulary.ts';
import { differingText } from './same-tokens.ts';
import { sentencePieceEntries } from './sentencepiece.ts';

/** Metadata, and a sentence for everything about the tokenizer that GGUF cannot say. */
export interface GgufTokenizer {
  readonly entries: readonly GgufEntry[];
  readonly notes: readonly string[];
}

/**
 * The metadata of a tokenizer. Where `config` has a `vocab_size`, the tokens are filled up to it.
 *
 * @param chatTemplate for `tokenizer.chat_template`
 * @throws BitnetError `tokenizer/not-in-gguf` when GGUF has no words for the tokenizer, or as tokenizerFromHuggingFace
 */
export function tokenizerMetadata(files: HuggingFaceTokenizerFiles, chatTemplate?: string): GgufTokenizer {
  const parts = readHuggingFaceParts(files);
  const { vocabulary, ends } = parts;
  const isSentencePiece = parts.pipeline.kind === 'sentencepiece';
  const tokens = tokenTexts(vocabulary);
  const entries: GgufEntry[] = [
    ...(isSentencePiece ? sentencePieceEntries(parts, tokens) : byteLevelEntries(parts, tokens)),
    { key: 'tokenizer.ggml.token_type', type: 'i32[]', value: Int32Array.from(vocabulary.types) },
    ...endEntries(ends),
    ...unknownEntry(parts),
  ];
  if (chatTemplate !== undefined) {
    entries.push({ key: 'tokenizer.chat_template', type: 'string', value: chatTemplate });
  }
  if (isSentencePiece) checkSameTokens(parts, entries);
  return { entries, notes: notesOn(parts) };
}

function byteLevelEntries(parts: HuggingFaceTokenizerParts, tokens: readonly string[]): GgufEntry[] {
  return [
    { key: 'tokenizer.ggml.model', type: 'string', value: 'gpt2' },
    { key: 'tokenizer.ggml.pre', type: 'string', value: preTokenizerOf(parts) },
    { key: 'tokenizer.ggml.tokens', type: 'string[]', value: tokens },
    { key: 'tokenizer.ggml.merges', type: 'string[]', value: mergeTexts(parts.model) },
  ];
}

/** Scores say less than a list of merges can, so what they say is tried out. */
function checkSameTokens(parts: HuggingFaceTokenizerParts, entries: readonly GgufEntry[]): void {
  const metadata = new Map<string, MetadataValue>();
  for (const { key, value } of entries) {
    metadata.set(key, Array.isArray(value) ? TextList.of(value as string[]) : (value as MetadataValue));
  }
  const { tokenizer } = tokenizerFromParts(parts);
  const { tokenizer: read } = tokenizerFromGguf(metadata, { architecture: '' });
  const differing = differingText(tokenizer, read);
  if (differing === undefined) return;
  throw notInGguf(`cuts ${JSON.stringify(differing.slice(0, 80))} otherwise than scores of tokens would`);
}

/** The `tokenizer.ggml.pre` by which text is cut and merged as the tokenizer does it. */
function preTokenizerOf(parts: HuggingFaceTokenizerParts): string {
  const { pipeline, model } = parts;
  assert(pipeline.kind === 'byte-level', 'a tokenizer that works on bytes');
  if (pipeline.addPrefixSpace) throw notInGguf('puts a space before every text');
  const name = preTokenizerNameOf(pipeline.pieceEnd);
  if (name === undefined) throw notInGguf('does not cut text into words');
  const ignores = model.flag('ignore_merges') ?? false;
  if (ignores !== preTokenizerByName(name).ignoreMerges)
    checkMergesReachTokens(parts, pipeline.pieceEnd, name);
  return name;
}

/** A name also says whether pieces that are tokens skip merging, which is the same when merging leads to them anyway. */
function checkMergesReachTokens(parts: HuggingFaceTokenizerParts, pieceEnd: PieceEnd, name: string): void {
  const { vocabulary } = parts;
  const model = new JsonObject({ ...parts.model.record, ignore_merges: false }, 'tokenizer.json model');
  const { tokenizer } = tokenizerFromParts({ ...parts, model });
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (const id of vocabulary.idsOfType(TOKEN_TYPE.normal)) {
    let text: string;
    try {
      text = utf8.decode(tokenizer.tokenBytes(id));
    } catch {
      // No whole characters, so never a whole piece.
      continue;
    }
    if (text === '' || pieceEnd(text, 0) < text.length) continue;
    if (tokenizer.encode(text, { addBos: false, addEos: false }).length === 1) continue;
    throw notInGguf(
      `merges ${JSON.stringify(vocabulary.textOf(id).slice(0, 80))} otherwise than files of the rule ${name} do (ignore_merges)`,
    );
  }
}

/** Tokens by id; ids without one get a text of their own, because readers of GGUF look tokens up by text. */
function tokenTexts(vocabulary: Vocabulary): string[] {
  return Array.from({ length: vocabulary.size }, (_, id) => {
    if (vocabulary.types[id] !== TOKEN_TYPE.unused) return vocabulary.textOf(id);
    let text = `[PAD${id}]`;
    while (vocabulary.idOf(text) !== undefined) text = `[${text}]`;
    return text;
  });
}

function mergeTexts(model: JsonObject): string[] {
  const merges: string[] = [];
  forEachMerge(model.list('merges') ?? [], (left, right) => {
    if (left.includes(' ') || right.includes(' ')) throw notInGguf('has merges of tokens with spaces');
    merges.push(`${left} ${right}`);
  });
  return merges;
}

function endEntries({ bosId, eosId, addsBos, addsEos, stops }: ChosenEnds): GgufEntry[] {
  const id = (role: string, value: number | undefined): GgufEntry[] =>
    value === undefined ? [] : [{ key: `tokenizer.ggml.${role}_token_id`, type: 'u32', value }];
  // Readers stop at each of these three, whatever they are called.
  const [eotId, eomId] = [...stops].filter((stop) => stop !== eosId);
  return [
    ...id('bos', bosId),
    ...id('eos', eosId),
    ...id('eot', eotId),
    ...id('eom', eomId),
    { key: 'tokenizer.ggml.add_bos_token', type: 'bool', value: addsBos },
    { key: 'tokenizer.ggml.add_eos_token', type: 'bool', value: addsEos },
  ];
}

function unknownEntry({ model, vocabulary }: HuggingFaceTokenizerParts): GgufEntry[] {
  const text = model.text('unk_token');
  const value = text === undefined ? undefined : vocabulary.idOf(text);
  return value === undefined ? [] : [{ key: 'tokenizer.ggml.unknown_token_id', type: 'u32', value }];
}

function notesOn({ pipeline, strippingTokens, vocabulary, ends }: HuggingFaceTokenizerParts): string[] {
  const notes: string[] = [];
  if (pipeline.normalize !== undefined) {
    notes.push(
      'GGUF does not say that text is normalised first; text that is not normal gives other tokens.',
    );
  }
  if (strippingTokens.size > 0) {
    const names = [...strippingTokens.values()].slice(0, 4).map(({ text }) => text);
    notes.push(`GGUF does not say that ${names.join(', ')} take away the whitespace beside them.`);
  }
  const unnamed = [...ends.stops].filter((stop) => stop !== ends.eosId).slice(2);
  if (unnamed.length > 0) {
    const names = unnamed.map((id) => vocabulary.textOf(id));
    notes.push(`GGUF names three tokens that end a text, so ${names.join(', ')} is left out.`);
  }
  return notes;
}

function notInGguf(what: string): BitnetError {
  return new BitnetError(
    'tokenizer/not-in-gguf',
    `the tokenizer ${what}, which GGUF has no name for; keep the model in the Hugging Face layout`,
  );
}
