/** What a model's file says about text: its tokenizer and its chat template, with what had to be corrected. */
import { BitnetError } from '../base/errors.ts';
import { findString, type GgufMetadata } from '../formats/gguf/metadata.ts';
import type { OpenedModel } from '../model/open.ts';
import { type ChatTemplate, createChatTemplate } from '../tokenizer/chat/chat-template.ts';
import { chooseTemplate } from '../tokenizer/chat/known-templates.ts';
import { sentencePieceMetadata } from '../tokenizer/conversion/sentencepiece-model.ts';
import { tokenizerFromGguf } from '../tokenizer/from-gguf.ts';
import { tokenizerFromHuggingFace } from '../tokenizer/from-huggingface.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** The text side of a model. */
export interface ModelText {
  readonly tokenizer: Tokenizer;
  /** undefined for a base model. */
  readonly template: ChatTemplate | undefined;
  /** Sentences on known defects of published files that were put right. */
  readonly corrections: readonly string[];
}

/**
 * The tokenizer and template of a model.
 *
 * @throws BitnetError `tokenizer/…`, `template/…`, `tokenizer/missing` without a tokenizer.json
 */
export function readModelText(model: OpenedModel): ModelText {
  const { tokenizer, corrections } = readTokenizer(model);
  if (tokenizer.vocabSize > model.config.vocabularySize) {
    throw new BitnetError(
      'tokenizer/too-large',
      `${model.name}: the tokenizer has ${tokenizer.vocabSize} tokens and the model only ${model.config.vocabularySize}; they do not belong together`,
    );
  }
  const embedded = embeddedTemplate(model);
  const pre = model.format === 'gguf' ? findString(model.file.metadata, 'tokenizer.ggml.pre') : undefined;
  const choice = chooseTemplate({
    architecture: model.config.architecture,
    tokenizer,
    ...(embedded === undefined ? {} : { embedded }),
    ...(model.config.name === undefined ? {} : { modelName: model.config.name }),
    ...(pre === undefined ? {} : { pre }),
  });
  const tokens = {
    ...(tokenizer.bosId === undefined ? {} : { bosToken: tokenizer.tokenText(tokenizer.bosId) }),
    ...(tokenizer.eosId === undefined ? {} : { eosToken: tokenizer.tokenText(tokenizer.eosId) }),
  };
  return {
    tokenizer,
    template: choice.source === undefined ? undefined : createChatTemplate(choice.source, tokens),
    corrections: [...corrections, ...choice.corrections],
  };
}

function readTokenizer(model: OpenedModel): { tokenizer: Tokenizer; corrections: readonly string[] } {
  if (model.format === 'gguf') {
    return tokenizerFromGguf(model.file.metadata, { architecture: model.config.architecture });
  }
  const { checkpoint } = model;
  const sentencePiece = sentencePieceOf(model);
  if (sentencePiece !== undefined) {
    return tokenizerFromGguf(sentencePiece, { architecture: model.config.architecture });
  }
  if (checkpoint.tokenizer === undefined) {
    throw new BitnetError(
      'tokenizer/missing',
      `${checkpoint.name}: there is no tokenizer.json and no tokenizer.model; download one of them beside the weights`,
    );
  }
  return tokenizerFromHuggingFace({
    tokenizerJson: checkpoint.tokenizer,
    tokenizerConfig: checkpoint.tokenizerConfig,
    generationConfig: checkpoint.generationConfig,
    config: checkpoint.config,
  });
}

/**
 * The tokenizer of a folder that has only SentencePiece's own file, as the metadata that GGUF has for it.
 *
 * @throws BitnetError `tokenizer/bad-sentencepiece`, `tokenizer/unsupported-part`
 */
export function sentencePieceOf(model: OpenedModel): GgufMetadata | undefined {
  if (model.format === 'gguf') return undefined;
  const { sentencePieceModel, ...folder } = model.checkpoint;
  return sentencePieceModel && sentencePieceMetadata(sentencePieceModel, folder);
}

function embeddedTemplate(model: OpenedModel): string | undefined {
  if (model.format === 'gguf') return findString(model.file.metadata, 'tokenizer.chat_template');
  const { checkpoint } = model;
  if (checkpoint.chatTemplate !== undefined) return checkpoint.chatTemplate;
  const inConfig = checkpoint.tokenizerConfig?.chat_template;
  if (typeof inConfig === 'string') return inConfig;
  if (!Array.isArray(inConfig)) return undefined;
  // Several named templates: the one called default.
  const entry = inConfig.find((item) => (item as { name?: unknown } | null)?.name === 'default') as
    | { template?: unknown }
    | undefined;
  return typeof entry?.template === 'string' ? entry.template : undefined;
}
