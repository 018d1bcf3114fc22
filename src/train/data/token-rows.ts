/** Rows of tokens of equal length, as training reads them: the packed shards of a corpus. */

/** What stands for no token: padding at the end of a row, never predicted. */
export const NO_TOKEN = -1;

/** A corpus cut into rows of contextLength + 1 tokens: inputs are all but the last, targets all but the first. */
export interface TokenRows {
  /** contextLength + 1 */
  readonly rowLength: number;
  readonly rows: number;
  /** Targets in all rows: tokens that are predicted. */
  readonly targets: number;
  /**
   * Fills `out`, i32 [indexes.length][rowLength], with rows; {@link NO_TOKEN} where there is none.
   *
   * @throws BitnetError `train/bad-shard` when the file is damaged or holds ids beyond the vocabulary
   */
  read(indexes: readonly number[], out: Int32Array): Promise<void>;
}
