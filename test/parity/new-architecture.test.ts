/**
 * A family that no file here belongs to, as a new description alone: biases on q, k and v, norms on every query and key
 * head, norms behind both blocks, scaled embeddings, GELU. Its logits are compared with a forward pass in float64,
 * written here formula by formula. What Qwen and Gemma need beside Llama is this.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.js';
import { loadEngine } from '#src/engine/load-engine.js';
import { Session } from '#src/engine/session.js';
import { writeSafetensors } from '#src/formats/safetensors/write.js';
import { memoryFolder } from '#src/formats/sources/memory.js';
import { Activation } from '#src/kernels/activation.js';
import { ARCHITECTURES, type Architecture } from '#src/model/architecture.js';
import { openModel } from '#src/model/open.js';
import { usableBackends } from '../fixtures/usable-backends.ts';

const HIDDEN = 32;
const HEADS = 2;
const HEAD = 16;
const FFN = 48;
const VOCABULARY = 20;
const LAYERS = 2;
const EPS = Math.fround(1e-5);
const TOKENS = [3, 17, 0, 9, 9, 4];

const llama = ARCHITECTURES.get('llama')!;
const description: Architecture = {
  ...llama,
  name: 'made-up',
  activation: Activation.GeluTanh,
  vectors: [
    'attentionNorm',
    'qBias',
    'kBias',
    'vBias',
    'qNorm',
    'kNorm',
    'attentionPostNorm',
    'feedForwardNorm',
    'feedForwardPostNorm',
  ],
  scalesEmbedding: true,
  layer: {
    ...llama.layer,
    feedForwardNorm: {
      gguf: 'blk.{n}.ffn_norm.weight',
      huggingFace: 'model.layers.{n}.pre_feedforward_layernorm.weight',
    },
  },
};

type Weights = ReadonlyMap<string, { shape: number[]; values: Float32Array }>;

function makeWeights(): Weights {
  const random = createRandom(5);
  const weights = new Map<string, { shape: number[]; values: Float32Array }>();
  const add = (name: string, shape: number[], centre: number, spread: number) => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const values = Float32Array.from({ length: count }, () => centre + (random.next() - 0.5) * spread);
    weights.set(name, { shape, values });
  };
  add('model.embed_tokens.weight', [VOCABULARY, HIDDEN], 0, 2);
  add('model.norm.weight', [HIDDEN], 1, 0.5);
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = `model.layers.${layer}`;
    for (const name of ['input', 'post_attention', 'pre_feedforward', 'post_feedforward']) {
      add(`${at}.${name}_layernorm.weight`, [HIDDEN], 1, 0.5);
    }
    for (const [name, rows] of [
      ['q', HEADS * HEAD],
      ['k', HEAD],
      ['v', HEAD],
    ] as const) {
      add(`${at}.self_attn.${name}_proj.weight`, [rows, HIDDEN], 0, 0.5);
      add(`${at}.self_attn.${name}_proj.bias`, [rows], 0, 1);
    }
    for (const name of ['q', 'k']) add(`${at}.self_attn.${name}_norm.weight`, [HEAD], 1, 0.5);
    add(`${at}.self_attn.o_proj.weight`, [HIDDEN, HEADS * HEAD], 0, 0.5);
    for (const name of ['gate', 'up']) add(`${at}.mlp.${name}_proj.weight`, [FFN, HIDDEN], 0, 0.5);
    add(`${at}.mlp.down_proj.weight`, [HIDDEN, FFN], 0, 0.5);
  }
  return weights;
}

async function makeFolder(weights: Weights) {
  const config = {
    architectures: ['LlamaForCausalLM'],
    hidden_size: HIDDEN,
    intermediate_size: FFN,
    num_hidden_layers: LAYERS,
    num_attention_heads: HEADS,
    num_key_value_heads: 1,
    head_dim: HEAD,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    vocab_size: VOCABULARY,
  };
  const parts: Uint8Array[] = [];
  const outputs = Array.from(weights, ([name, { shape, values }]) => ({
    name,
    dtype: 'F32' as const,
    shape,
    data: () => [new Uint8Array(values.buffer)],
  }));
  await writeSafetensors(async (bytes) => {
    parts.push(bytes.slice());
  }, outputs);
  const files = new Map([
    ['config.json', new TextEncoder().encode(JSON.stringify(config))],
    ['model.safetensors', new Uint8Array(Buffer.concat(parts))],
  ]);
  return memoryFolder(files, 'made-up');
}

/** Logits of every position, in float64. */
function forward(weights: Weights): number[][] {
  const get = (name: string) => [...weights.get(name)!.values];
  const multiply = (name: string, x: number[]) => {
    const w = get(name);
    return Array.from({ length: w.length / x.length }, (_, r) =>
      x.reduce((sum, value, k) => sum + value * w[r * x.length + k]!, 0),
    );
  };
  const add = (x: number[], y: number[]) => x.map((value, i) => value + y[i]!);
  const norm = (x: number[], name: string) => {
    const root = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + EPS);
    return x.map((value, i) => (value / root) * get(name)[i]!);
  };
  const rotate = (x: number[], position: number) =>
    x.map((value, i) => {
      const half = HEAD / 2;
      const angle = position * 10000 ** ((-2 * (i % half)) / HEAD);
      const other = i < half ? -x[i + half]! : x[i - half]!;
      return value * Math.cos(angle) + other * Math.sin(angle);
    });
  const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  const embedding = get('model.embed_tokens.weight');
  const row = (id: number) => embedding.slice(id * HIDDEN, (id + 1) * HIDDEN);
  let stream = TOKENS.map((id) => row(id).map((value) => value * Math.sqrt(HIDDEN)));
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = `model.layers.${layer}`;
    const project = (name: string, x: number[]) =>
      add(multiply(`${at}.self_attn.${name}_proj.weight`, x), get(`${at}.self_attn.${name}_proj.bias`));
    const inputs = stream.map((x) => norm(x, `${at}.input_layernorm.weight`));
    const keys = inputs.map((x, p) => rotate(norm(project('k', x), `${at}.self_attn.k_norm.weight`), p));
    const values = inputs.map((x) => project('v', x));
    stream = stream.map((x, p) => {
      const q = project('q', inputs[p]!);
      const mixed = Array.from({ length: HEADS }, (_, h) => {
        const head = q.slice(h * HEAD, (h + 1) * HEAD);
        const query = rotate(norm(head, `${at}.self_attn.q_norm.weight`), p);
        const weight = keys
          .slice(0, p + 1)
          .map((k) => Math.exp(k.reduce((sum, value, i) => sum + value * query[i]!, 0) / Math.sqrt(HEAD)));
        const total = weight.reduce((sum, w) => sum + w, 0);
        return Array.from({ length: HEAD }, (_, i) =>
          weight.reduce((sum, w, t) => sum + (w / total) * values[t]![i]!, 0),
        );
      }).flat();
      const attended = multiply(`${at}.self_attn.o_proj.weight`, mixed);
      const y = add(x, norm(attended, `${at}.post_attention_layernorm.weight`));
      const input = norm(y, `${at}.pre_feedforward_layernorm.weight`);
      const up = multiply(`${at}.mlp.up_proj.weight`, input);
      const gated = multiply(`${at}.mlp.gate_proj.weight`, input).map((value, i) => gelu(value) * up[i]!);
      return add(
        y,
        norm(multiply(`${at}.mlp.down_proj.weight`, gated), `${at}.post_feedforward_layernorm.weight`),
      );
    });
  }
  return stream.map((x) => {
    const last = norm(x, 'model.norm.weight');
    return Array.from({ length: VOCABULARY }, (_, id) =>
      row(id).reduce((sum, w, i) => sum + w * last[i]!, 0),
    );
  });
}

const { main, others } = await usableBackends();

for (const backend of ['reference', ...main, ...others] as const) {
  test(`a new description gives its family's logits on ${backend}`, async () => {
    const weights = makeWeights();
    const opened = await openModel(await makeFolder(weights));
    const config = { ...opened.config, activation: description.activation };
    const engine = await loadEngine(
      { ...opened, architecture: description, config },
      { backend, threads: 2, kvCache: 'f32', batchTokens: 4 },
    );
    const expected = forward(weights);
    const spread = Math.max(...expected.flat()) - Math.min(...expected.flat());
    await new Session(engine).syncEach(TOKENS, 0, (position, logits) => {
      for (const [id, logit] of logits.entries()) {
        // Sums of at most 48 f32 products through two layers: some hundred roundings of 2^-24 of the spread.
        const difference = Math.abs(logit - expected[position]![id]!);
        assert.ok(difference < spread * 2e-5, `position ${position}, token ${id}: off by ${difference}`);
      }
    });
    await engine.dispose();
  });
}
