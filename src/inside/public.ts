/** What `bitnet.ts/inside` offers: a look inside a loaded model, in Node.js and in browsers (docs/inside.md). */

export { type PackedLayout, packedLayout, type WeightPlace, weightPlace } from '../kernels/packed-weights.ts';
export { Inside, MOST_TEXT_CHARACTERS, MOST_TILE_ENTRIES } from './inside.ts';
export {
  type DotProduct,
  type InsideOverview,
  type LayoutFacts,
  MATRIX_NAMES,
  type MatrixFacts,
  type MatrixName,
  type MatrixPlace,
  type TileRequest,
  type ValueCounts,
} from './inside-facts.ts';
