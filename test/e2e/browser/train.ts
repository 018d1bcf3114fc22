/** The same small training for the page and for Node, so that what both write can be compared. */
import { createMemoryRunFolder, openTraining } from 'bitnet.ts';

/** What came out. */
export interface Trained {
  /** The bytes of the GGUF file. */
  readonly file: number[];
  readonly threads: number;
}

/** Trains a model for a few steps on the WebAssembly kernels that run everywhere, on all threads that there are. */
export async function train(): Promise<Trained> {
  const folder = createMemoryRunFolder();
  const training = await openTraining({
    recipe: {
      name: 'cats',
      steps: 4,
      tokenizer: { vocabularySize: 270 },
      model: { contextLength: 16, embeddingLength: 128, blockCount: 1, feedForwardLength: 128 },
      batch: { sequences: 2 },
    },
    texts: [{ name: 'cats.txt', content: new File(['The cat sat on the mat.\n'.repeat(60)], 'cats.txt') }],
    folder,
    backend: 'wasm-simd',
  });
  for await (const { step } of training.run()) if (step > 4) throw new Error(`step ${step} of 4`);
  await training.exportModel();
  const { threads } = training;
  await training.dispose();
  return { file: Array.from(folder.read('cats.i2_s.gguf') ?? []), threads };
}
