/** A tiny random model with a chat template, served as the server serves one, for tests of constrained output. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Scheduler } from '#src/engine/serving/scheduler.js';
import { writeGguf } from '#src/formats/gguf/write.js';
import { loadModel } from '#src/index.js';
import { createConstraintCompiler } from '#src/server/constraint/xgrammar-constraints.js';
import type { ServedModel } from '#src/server/models/served-model.js';
import type { ReplyRequest } from '#src/server/reply/reply.js';
import { seededRandom } from '../properties/mutate.js';
import { architectureOf, tinyTensors } from '../properties/tiny-models.js';
import { BYTE_LEVEL_SIZE, byteLevelMetadata } from '../properties/tiny-text.js';

const NAME = 'bitnet-b1.58';
const WIDTH = 128;
const CONTEXT = 4096;

/** The model, and how to let go of it. */
export interface ConstrainedModel {
  readonly served: ServedModel;
  close(): Promise<void>;
}

/** Loads the model. */
export async function constrainedModel(): Promise<ConstrainedModel> {
  const dims = {
    embeddingLength: WIDTH,
    headCount: 2,
    headCountKv: 1,
    headLength: 64,
    feedForwardLength: WIDTH,
    blockCount: 1,
    vocabularySize: BYTE_LEVEL_SIZE,
  };
  const types = { projections: 'I2_S', embedding: 'F16', head: 'F16' } as const;
  const numbers = {
    embedding_length: WIDTH,
    block_count: 1,
    feed_forward_length: WIDTH,
    'attention.head_count': 2,
    'attention.head_count_kv': 1,
    context_length: CONTEXT,
    vocab_size: BYTE_LEVEL_SIZE,
  };
  const parts: Uint8Array[] = [];
  await writeGguf(async (part) => void parts.push(part.slice()), {
    metadata: [
      { key: 'general.architecture', type: 'string', value: NAME },
      ...Object.entries(numbers).map(
        ([key, value]) => ({ key: `${NAME}.${key}`, type: 'u32', value }) as const,
      ),
      { key: `${NAME}.attention.layer_norm_rms_epsilon`, type: 'f32', value: 1e-5 },
      ...byteLevelMetadata(),
    ],
    tensors: tinyTensors(architectureOf(NAME), dims, types, 'gguf', seededRandom(7)),
  });
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-constraint-'));
  const path = join(folder, 'tiny.gguf');
  await writeFile(path, Buffer.concat(parts));
  const model = await loadModel(path, { threads: 0 });
  const scheduler = new Scheduler(model.engine);
  const constraints = createConstraintCompiler(model.tokenizer);
  return {
    served: { id: 'tiny', created: 0, model, scheduler, constraints },
    async close() {
      constraints.dispose();
      await scheduler.dispose();
      await model.dispose();
      await rm(folder, { recursive: true });
    },
  };
}

/** A request for plain text, at temperature 1 over the whole distribution. */
export function requestOf(more: Partial<ReplyRequest>): ReplyRequest {
  return {
    messages: [{ role: 'user', text: 'Hi' }],
    tools: [],
    toolChoice: 'auto',
    parallelToolCalls: true,
    format: { kind: 'text' },
    sampling: { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 1 },
    stop: [],
    signal: new AbortController().signal,
    ...more,
  };
}
