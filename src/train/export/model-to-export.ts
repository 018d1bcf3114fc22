/**
 * What an export is made from: the parameters of a model and how to read them, whether they lie on a heap or in a
 * checkpoint, and its tokenizer. Nothing here knows of file formats.
 */
import { rowStride } from '../../kernels/kernels.ts';
import type { Described } from '../../model/config.ts';
import type { Precision } from '../config.ts';
import type { RunTokenizer } from '../data/run-tokenizer.ts';
import type { Parameter, ParameterTable } from '../model/parameters.ts';
import type { TernaryCounts, TrainingModel } from '../model/training-model.ts';

/** A trained model. */
export interface ModelToExport {
  readonly described: Described;
  readonly precision: Precision;
  readonly parameters: ParameterTable;
  /**
   * Fills `out`, f32 [row1 - row0][columns] without pads, with rows [row0, row1) of a parameter; a norm is one row. In a
   * ternary run these are the latent weights.
   */
  readRows(parameter: Parameter, row0: number, row1: number, out: Float32Array): void | Promise<void>;
  /** What a code of 1 stands for in each ternary matrix, by name of the parameter; absmean of the others. */
  readonly scales?: ReadonlyMap<string, number>;
}

/** The tokenizer of a trained model. */
export interface TokenizerToExport {
  /** The text of tokenizer.json. */
  readonly tokenizerJson: string;
  /** Texts of the tokens that begin and end a text; default what tokenizer.json puts around one. */
  readonly bosToken?: string;
  readonly eosToken?: string;
  /** Texts of further tokens that end a generation, such as the end of a turn. */
  readonly stopTokens?: readonly string[];
  /** Jinja. */
  readonly chatTemplate?: string;
}

/**
 * The model that is in training.
 *
 * @param counts of the last `prepareWeights`, so that codes and scales are those that were trained with
 */
export function modelInTraining(model: TrainingModel, counts: readonly TernaryCounts[]): ModelToExport {
  const { described, precision, parameters, backend } = model;
  return {
    described,
    precision,
    parameters,
    scales: new Map(counts.map(({ name, scale }) => [name, scale])),
    readRows: (parameter, row0, row1, out) => {
      const columns = parameter.shape.at(-1)!;
      const stride = rowStride(columns);
      for (let row = row0; row < row1; row++) {
        const from = model.weights + 4 * (parameter.offset + row * stride);
        out.set(backend.heap.f32(from, columns), (row - row0) * columns);
      }
    },
  };
}

/**
 * The tokenizer of a run.
 *
 * @param run texts of its tokenizer.json and of its tokenizer_config.json, an object
 */
export function tokenizerInTraining(run: Pick<RunTokenizer, 'json' | 'config'>): TokenizerToExport {
  const settings = JSON.parse(run.config) as Record<string, unknown>;
  const text = (key: string) => (typeof settings[key] === 'string' ? settings[key] : undefined);
  const [chatTemplate, bosToken, eosToken] = [text('chat_template'), text('bos_token'), text('eos_token')];
  return {
    tokenizerJson: run.json,
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    ...(bosToken === undefined ? {} : { bosToken }),
    ...(eosToken === undefined ? {} : { eosToken }),
  };
}

/** Rows and columns; a norm is one row. */
export function dimsOf({ shape }: Parameter): readonly [rows: number, columns: number] {
  return shape.length === 1 ? [1, shape[0]] : shape;
}
