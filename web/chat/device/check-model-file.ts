/** Whether a file can be run in this page at all: asked of its header alone, before gigabytes are copied. */

import { asSentence } from '../transport/sentence.ts';
import { TransportError } from '../transport/transport.ts';

/** Tokens of context that there has to be room for. */
const LEAST_CONTEXT = 1024;

/**
 * Reads the header.
 *
 * @throws BitnetError for a file that is no GGUF, is damaged or not supported; TransportError for one that does not fit into a
 *   page's memory
 */
export async function checkModelFile(file: File): Promise<void> {
  const { canRun, defaultThreads, measureMachine, modelOfBlob } = await import('bitnet.ts/fit');
  const model = await modelOfBlob(file, file.name);
  const { machine, kernels } = await measureMachine({ threads: [] });
  const threads = Math.max(1, defaultThreads());
  const question = { contextLength: LEAST_CONTEXT, threads };
  const { verdict, reason } = canRun(model, { machine, kernels }, question);
  if (verdict !== 'no') return;
  const why = reason ?? 'it does not fit into the memory of a page';
  throw new TransportError('refused', asSentence(`${file.name} cannot run here: ${why}`));
}
