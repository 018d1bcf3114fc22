/**
 * How many weights a published model has and how many bytes a download of it takes: from the catalogue where the exact
 * length is known, else from its dims. Tensors only; the header of a GGUF file with its vocabulary adds up to 12 MB.
 */
import { byteLengthOf, type DType } from '../../tensor/dtype.ts';
import type { CatalogueEntry, PublishedFile, PublishedShape } from './catalogue-entry.ts';

/** A length, exact or computed from the dims. */
export interface PublishedSize {
  readonly bytes: number;
  readonly isExact: boolean;
}

/** Rows and columns of a matrix. */
type Matrix = readonly [rows: number, columns: number];

/** The ternary matrices of one layer. */
function layerMatrices(shape: PublishedShape): readonly Matrix[] {
  const { embeddingLength, feedForwardLength, headCount, headCountKv, headLength } = shape;
  const queries = headCount * headLength;
  const keys = headCountKv * headLength;
  return [
    [queries, embeddingLength],
    [keys, embeddingLength],
    [keys, embeddingLength],
    [embeddingLength, queries],
    [feedForwardLength, embeddingLength],
    [feedForwardLength, embeddingLength],
    [embeddingLength, feedForwardLength],
  ];
}

/** Weights of all norms. */
function normWeights({ architecture, shape }: CatalogueEntry): number {
  const { embeddingLength, feedForwardLength, headCount, headLength, blockCount } = shape;
  const subNorms = architecture === 'llama' ? 0 : headCount * headLength + feedForwardLength;
  return blockCount * (2 * embeddingLength + subNorms) + embeddingLength;
}

/** All weights of a model; a tied head is counted once. */
export function parameterCount(entry: CatalogueEntry): number {
  const { shape } = entry;
  const table = shape.vocabularySize * shape.embeddingLength;
  const layer = layerMatrices(shape).reduce((sum, [rows, columns]) => sum + rows * columns, 0);
  return shape.blockCount * layer + table * (shape.tiedHead ? 1 : 2) + normWeights(entry);
}

/** The length of a download. */
export function publishedSize(entry: CatalogueEntry, file: PublishedFile): PublishedSize {
  if (file.bytes !== undefined) return { bytes: file.bytes, isExact: true };
  const { shape } = entry;
  const table = byteLengthOf(file.embedding, [shape.vocabularySize, shape.embeddingLength]);
  const layer = layerMatrices(shape).reduce((sum, matrix) => sum + matrixBytes(file, matrix), 0);
  const bytes =
    shape.blockCount * layer +
    table * (shape.tiedHead ? 1 : 2) +
    normWeights(entry) * (file.path === undefined ? byteLengthOf(file.embedding, [1]) : 4);
  return { bytes, isExact: false };
}

/** Bytes of a ternary matrix as the download keeps it. */
function matrixBytes({ format, embedding }: PublishedFile, matrix: Matrix): number {
  // Four rows to a byte, and a scale of two bytes.
  if (format === 'packed') return Math.ceil(matrix[0] / 4) * matrix[1] + 2;
  const dtype: DType = format === 'masters' ? embedding : format;
  return byteLengthOf(dtype, matrix);
}
