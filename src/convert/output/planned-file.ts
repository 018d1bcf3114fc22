/** A file of the result that is ready to be written. */
import type { ByteSink } from '../../formats/tensor-output.ts';

/** See above. */
export interface PlannedFile {
  /** In the folder of the result; '' where the result is one file. */
  readonly name: string;
  /** Its length, but for headers. */
  readonly bytes: number;
  /** Writes the whole file; may be called once. */
  write(sink: ByteSink): Promise<void>;
}
