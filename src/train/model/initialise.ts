/**
 * Random weights to begin with: matrices normal with a deviation of 0.02, those that write to the residual stream smaller
 * by the root of how many do (as in GPT-2), norms 1. Every tensor has a stream of its own, by its name, so that its
 * numbers do not depend on which others there are.
 */
import { ln, sinCos } from '../../base/elementary.ts';
import { createRandom, type Random } from '../../base/random.ts';
import { rowStride } from '../../kernels/kernels.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Parameter } from './parameters.ts';

const DEVIATION = 0.02;

/** Fills f32 [parameter.elements]; pads stay as they are, which is zero. */
export function initialiseParameter(
  out: Float32Array,
  parameter: Parameter,
  { blockCount }: ModelConfig,
  seed: number,
): void {
  const { name, role, shape } = parameter;
  const [rows, columns] = shape;
  if (columns === undefined) {
    out.fill(1, 0, rows);
    return;
  }
  const isOutput = role === 'o' || role === 'down';
  const deviation = isOutput ? DEVIATION / Math.sqrt(2 * blockCount) : DEVIATION;
  const normal = createNormal(createRandom(seedOf(seed, name)));
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) out[r * rowStride(columns) + c] = deviation * normal();
  }
}

/** Numbers of the standard normal distribution, two at a time from two uniform ones (Box and Muller, 1958). */
function createNormal(random: Random): () => number {
  let second: number | undefined;
  return () => {
    if (second !== undefined) {
      const value = second;
      second = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * ln(1 - random.next()));
    const { sin, cos } = sinCos(2 * Math.PI * random.next());
    second = radius * sin;
    return radius * cos;
  };
}

/** A seed of 53 bits from one and a name: FNV-1a over both, twice with different beginnings. */
function seedOf(seed: number, name: string): number {
  const text = `${seed}/${name}`;
  return (hash(text, 0x811c9dc5) & 0x1fffff) * 2 ** 32 + hash(text, 0x9747b28c);
}

function hash(text: string, start: number): number {
  let value = start;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
