/**
 * What differs between model families, as data. The forward pass (forward.ts) is one for all; a family that needs only
 * what is listed here is a new entry of {@link ARCHITECTURES}. Sources: docs/models.md.
 */
import { Activation } from '../kernels/activation.ts';
import { RopeStyle } from '../kernels/kernels.ts';

/** Names of one tensor in GGUF and in Hugging Face files; `{n}` stands for the layer. */
export interface TensorNames {
  readonly gguf: string;
  readonly huggingFace: string;
}

/** Tensors that a layer can have, in the order in which the forward pass uses them. */
export const LAYER_TENSORS = [
  'attentionNorm',
  'q',
  'k',
  'v',
  'qBias',
  'kBias',
  'vBias',
  'qNorm',
  'kNorm',
  'attentionSubNorm',
  'o',
  'attentionPostNorm',
  'feedForwardNorm',
  'gate',
  'up',
  'feedForwardSubNorm',
  'down',
  'feedForwardPostNorm',
] as const;
/** One of {@link LAYER_TENSORS}. */
export type LayerTensor = (typeof LAYER_TENSORS)[number];
/** Those of them that are matrices; the others are norms and biases. */
export type LayerMatrix = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';

/** A family of models: which steps the forward pass takes, and what the tensors are called. */
export interface Architecture {
  /** GGUF's `general.architecture`. */
  readonly name: string;
  readonly activation: Activation;
  /** GGUF files of some families hold q and k with permuted rows for interleaved rotation; Hugging Face files never do. */
  readonly ggufRope: RopeStyle;
  /** Norms and biases that each layer of this family has; a file with others is not of the family. */
  readonly vectors: readonly LayerTensor[];
  /** Every model of the family is ternary, so float projections need a word on how they are to be read. */
  readonly isAlwaysTernary: boolean;
  /** Whether embeddings are multiplied by the square root of their length. */
  readonly scalesEmbedding: boolean;
  /** The output head is the embedding when the file has no head of its own: always, or only when the file says so. */
  readonly tiedHead: 'always' | 'when-absent';
  readonly layer: Readonly<Record<LayerTensor, TensorNames>>;
}

/** Names of the tensors outside of the layers. */
export const MODEL_TENSORS: Readonly<Record<'embedding' | 'outputNorm' | 'head', TensorNames>> = {
  embedding: { gguf: 'token_embd.weight', huggingFace: 'model.embed_tokens.weight' },
  outputNorm: { gguf: 'output_norm.weight', huggingFace: 'model.norm.weight' },
  head: { gguf: 'output.weight', huggingFace: 'lm_head.weight' },
};

/** Layer names of Llama, which every family here starts from. */
const LLAMA_LAYER: Readonly<Record<LayerTensor, TensorNames>> = {
  attentionNorm: layerNames('attn_norm', 'input_layernorm'),
  q: layerNames('attn_q', 'self_attn.q_proj'),
  k: layerNames('attn_k', 'self_attn.k_proj'),
  v: layerNames('attn_v', 'self_attn.v_proj'),
  o: layerNames('attn_output', 'self_attn.o_proj'),
  qBias: layerNames('attn_q', 'self_attn.q_proj', 'bias'),
  kBias: layerNames('attn_k', 'self_attn.k_proj', 'bias'),
  vBias: layerNames('attn_v', 'self_attn.v_proj', 'bias'),
  attentionSubNorm: layerNames('attn_sub_norm', 'self_attn.attn_sub_norm'),
  attentionPostNorm: layerNames('post_attention_norm', 'post_attention_layernorm'),
  qNorm: layerNames('attn_q_norm', 'self_attn.q_norm'),
  kNorm: layerNames('attn_k_norm', 'self_attn.k_norm'),
  feedForwardNorm: layerNames('ffn_norm', 'post_attention_layernorm'),
  gate: layerNames('ffn_gate', 'mlp.gate_proj'),
  up: layerNames('ffn_up', 'mlp.up_proj'),
  down: layerNames('ffn_down', 'mlp.down_proj'),
  feedForwardSubNorm: layerNames('ffn_sub_norm', 'mlp.ffn_sub_norm'),
  feedForwardPostNorm: layerNames('post_ffw_norm', 'post_feedforward_layernorm'),
};

function layerNames(gguf: string, huggingFace: string, part = 'weight'): TensorNames {
  return { gguf: `blk.{n}.${gguf}.${part}`, huggingFace: `model.layers.{n}.${huggingFace}.${part}` };
}

const PRE_NORMS = ['attentionNorm', 'feedForwardNorm'] as const;
const SUB_NORMS = [...PRE_NORMS, 'attentionSubNorm', 'feedForwardSubNorm'] as const;

/** BitNet b1.58 2B4T: squared ReLU on the gate, a norm before the o and the down projection (arXiv:2504.12285). */
const bitnetB158: Architecture = {
  name: 'bitnet-b1.58',
  activation: Activation.ReLU2,
  ggufRope: RopeStyle.Half,
  vectors: SUB_NORMS,
  isAlwaysTernary: true,
  scalesEmbedding: false,
  tiedHead: 'when-absent',
  layer: LLAMA_LAYER,
};

/** Every family that can be loaded, by GGUF name. */
export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map(
  [
    bitnetB158,
    // The first upload of 2B4T.
    { ...bitnetB158, name: 'bitnet-25' },
    // 1bitLLM's reproductions of arXiv:2402.17764.
    {
      ...bitnetB158,
      name: 'bitnet',
      activation: Activation.SiLU,
      tiedHead: 'always' as const,
      layer: {
        ...LLAMA_LAYER,
        attentionSubNorm: layerNames('attn_sub_norm', 'self_attn.inner_attn_ln'),
        feedForwardSubNorm: layerNames('ffn_sub_norm', 'mlp.ffn_layernorm'),
      },
    },
    // Llama3-8B-1.58, Falcon3-1.58bit, Falcon-E with ternary projections; the same with 16-bit ones to compare with.
    {
      name: 'llama',
      activation: Activation.SiLU,
      ggufRope: RopeStyle.Interleaved,
      vectors: PRE_NORMS,
      isAlwaysTernary: false,
      scalesEmbedding: false,
      tiedHead: 'when-absent' as const,
      layer: LLAMA_LAYER,
    },
  ].map((architecture) => [architecture.name, architecture]),
);

/** Hugging Face's `architectures[0]` for each family. */
export const HUGGING_FACE_CLASSES: ReadonlyMap<string, string> = new Map([
  ['BitNetForCausalLM', 'bitnet-b1.58'],
  ['BitnetForCausalLM', 'bitnet'],
  ['LlamaForCausalLM', 'llama'],
]);

/** The name of a layer's tensor. */
export function layerTensorName(names: TensorNames, format: keyof TensorNames, layer: number): string {
  return names[format].replace('{n}', String(layer));
}
