/** A generation on its way to stdout: every piece as soon as it is there, and a sign of life until the first one. */
import type { Generation, Piece } from '../../index.ts';
import { showWaiting } from '../progress.ts';
import { writeOutput } from '../terminal.ts';

/**
 * Writes the text of a generation as it comes.
 *
 * @param write where the text goes
 * @returns the pieces
 * @throws as iterating the generation
 */
export async function streamText(
  generation: Generation,
  write: (text: string) => Promise<void> = writeOutput,
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  const stopWaiting = showWaiting('reading the prompt');
  try {
    for await (const piece of generation) {
      stopWaiting();
      pieces.push(piece);
      await write(piece.text);
    }
  } finally {
    stopWaiting();
  }
  return pieces;
}
