/**
 * Operations on the bytes of model files, which only some backends have: with them the threads that pack weights read
 * the file themselves. Where they are missing, the calling thread reads and src/tensor/ unpacks.
 */

/** How a file packs a row of ternary weights; `Field0` + i is 2-bit field i of bytes that hold the weights of four rows. */
export const TernaryLayout = { I2_S: 0, TQ1_0: 1, TQ2_0: 2, Field0: 3 } as const;

/** See the file's header. */
export interface FileKernels {
  /**
   * Reads [offset, offset + length) of an open file (ByteSource.descriptor) to the heap; returns how many bytes there
   * were, fewer when the file ends or cannot be read.
   */
  readFile(descriptor: number, offset: number, address: number, length: number): number;
  /**
   * Pages of a mapped file (Backend.mapFile) in this span need not stay in memory; they come back when they are read.
   * Returns 0.
   */
  leavePages(address: number, length: number): number;
  /** Codes u8 [K] of a row in a {@link TernaryLayout}; non-zero when a 2-bit field held 3, which is no code. */
  unpackTernary(codes: number, source: number, layout: number, K: number): number;
}
