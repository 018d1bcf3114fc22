// @ts-check
/**
 * The model of a recipe (`bitnet-b1.58` in f32: RMS norms with sub-norms, rotary positions, relu² gate, tied head) in
 * TensorFlow.js, in Node.js and in a page, formulated for what its WebAssembly backend is fast at:
 * - products are of two plain matrices, with transposes of their own: the backend's product with `transposeB`, which
 *   its own gradient asks for, and its batched one take ten times as long;
 * - rows are rotated by a product with a signed permutation, since slices and joins take longer;
 * - the gradient of `gather` has no kernel there (UnsortedSegmentSum), that of scatterND does the same;
 * - norms and loss have gradients in closed form, which need fewer operations than those of their parts.
 * All else is TensorFlow.js's own autodiff, and its own Adam.
 */

/**
 * @typedef {typeof import('@tensorflow/tfjs')} Tf
 * @typedef {import('@tensorflow/tfjs').Tensor} Tensor
 * @typedef {import('@tensorflow/tfjs').Tensor2D} Tensor2D
 * @typedef {{ name: string, shape: readonly number[] }} Parameter as in the file of weights, one after the other
 */

/**
 * What is trained, on what, and how.
 *
 * @typedef {object} Task
 * @property {import('../../dist/train/config.js').ModelShape} model
 * @property {number} vocabularySize
 * @property {number} sequences
 * @property {Parameter[]} parameters
 * @property {{ learningRate: number, beta1: number, beta2: number, epsilon: number }} optimizer
 */

/** Below any score. */
const MASKED = -1e9;

/**
 * A model with these weights, and its optimiser.
 *
 * @param {Tf} tf
 * @param {Task} task
 * @param {Float32Array} weights
 * @param {Int32Array} rows [sequences][contextLength + 1]
 * @returns {() => Promise<number>} takes a step and answers with the loss before it
 */
export function createTransformer(tf, task, weights, rows) {
  const { model, vocabularySize, sequences, optimizer } = task;
  const { contextLength: length, headCount: heads, headLength, layerNormRmsEpsilon: epsilon } = model;
  if (model.headCountKv !== heads || !model.tiedHead)
    throw new Error('only models with a key for each query and a tied head');
  const tokens = sequences * length;
  const variables = makeVariables(tf, task.parameters, weights);
  const variable = (/** @type {string} */ name) => {
    const found = variables.get(name);
    if (found === undefined) throw new Error(`there are no weights ${name}`);
    return found;
  };
  const { ids, targets } = inputsAndTargets(tf, rows, length, vocabularySize);
  const { cos, sin, turn } = rotation(tf, model, tokens);
  const onesRow = tf.ones([1, tokens]);
  const mask = tf.tensor2d(
    Float32Array.from({ length: length * length }, (_, i) =>
      i % length > Math.floor(i / length) ? MASKED : 0,
    ),
    [length, length],
  );

  const product = tf.customGrad((a, b, save) => {
    /** @type {any} */ (save)([a, b]);
    return {
      value: tf.matMul(/** @type {Tensor} */ (a), /** @type {Tensor} */ (b)),
      gradFunc: (dy, saved) => {
        const [left, right] = /** @type {Tensor[]} */ (saved);
        return [
          tf.matMul(dy, tf.transpose(/** @type {Tensor} */ (right))),
          tf.matMul(tf.transpose(/** @type {Tensor} */ (left)), dy),
        ];
      },
    };
  });

  const embed = tf.customGrad((table) => ({
    value: tf.gather(/** @type {Tensor} */ (table), ids),
    gradFunc: (dy) => [
      tf.scatterND(tf.reshape(ids, [tokens, 1]), dy, [vocabularySize, model.embeddingLength]),
    ],
  }));

  const norm = tf.customGrad((input, weight, save) => {
    const x = /** @type {Tensor} */ (input);
    const w = /** @type {Tensor} */ (weight);
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    const normed = tf.mul(x, inverse);
    /** @type {any} */ (save)([w, normed, inverse]);
    return {
      value: tf.mul(normed, w),
      gradFunc: (dy, saved) => {
        const [scale, unit, r] = /** @type {[Tensor, Tensor, Tensor]} */ (saved);
        const dUnit = tf.mul(dy, scale);
        const along = tf.mean(tf.mul(dUnit, unit), -1, true);
        const dx = tf.mul(tf.sub(dUnit, tf.mul(unit, along)), r);
        return [dx, tf.reshape(tf.matMul(onesRow, /** @type {Tensor2D} */ (tf.mul(dy, unit))), scale.shape)];
      },
    };
  });

  const crossEntropy = tf.customGrad((logits, save) => {
    const p = tf.softmax(/** @type {Tensor} */ (logits));
    /** @type {any} */ (save)([p]);
    return {
      value: tf.neg(tf.mean(tf.log(tf.sum(tf.mul(p, targets), -1)))),
      gradFunc: (dy, saved) => [
        tf.mul(
          tf.sub(/** @type {Tensor} */ (/** @type {Tensor[]} */ (saved)[0]), targets),
          tf.div(dy, tokens),
        ),
      ],
    };
  });

  /** [tokens][heads * headLength] rotated. @param {Tensor} x @param {Tensor} c @param {Tensor} s */
  const rotate = (x, c, s) => {
    const flat = tf.reshape(x, [tokens * heads, headLength]);
    return tf.add(tf.mul(flat, c), tf.mul(product(flat, turn), s));
  };
  /** One [length][headLength] for each sequence and head. @param {Tensor} x */
  const perHead = (x) =>
    tf.unstack(
      tf.reshape(tf.transpose(tf.reshape(x, [sequences, length, heads, headLength]), [0, 2, 1, 3]), [
        sequences * heads,
        length,
        headLength,
      ]),
    );
  /** @param {Tensor} q @param {Tensor} k @param {Tensor} v */
  const attention = (q, k, v) => {
    const [queries, keys, values] = [perHead(q), perHead(k), perHead(v)];
    const outputs = queries.map((query, i) => {
      const scores = product(query, tf.transpose(/** @type {Tensor} */ (keys[i])));
      return product(tf.softmax(tf.add(scores, mask)), /** @type {Tensor} */ (values[i]));
    });
    const all = tf.reshape(tf.stack(outputs), [sequences, heads, length, headLength]);
    return tf.reshape(tf.transpose(all, [0, 2, 1, 3]), [tokens, heads * headLength]);
  };

  const scale = 1 / Math.sqrt(headLength);
  const [cosQ, sinQ] = [tf.mul(cos, scale), tf.mul(sin, scale)];
  const loss = () => {
    let x = embed(variable('model.embed_tokens.weight'));
    for (let layer = 0; layer < model.blockCount; layer++) {
      const of = (/** @type {string} */ name) => variable(`model.layers.${layer}.${name}.weight`);
      const input = norm(x, of('input_layernorm'));
      const [q, k, v] = ['q', 'k', 'v'].map((name) => product(input, of(`self_attn.${name}_proj`)));
      const mixed = attention(
        rotate(/** @type {Tensor} */ (q), cosQ, sinQ),
        rotate(/** @type {Tensor} */ (k), cos, sin),
        /** @type {Tensor} */ (v),
      );
      x = tf.add(x, product(norm(mixed, of('self_attn.attn_sub_norm')), of('self_attn.o_proj')));
      const middle = norm(x, of('post_attention_layernorm'));
      const gate = tf.square(tf.relu(product(middle, of('mlp.gate_proj'))));
      const hidden = norm(tf.mul(gate, product(middle, of('mlp.up_proj'))), of('mlp.ffn_sub_norm'));
      x = tf.add(x, product(hidden, of('mlp.down_proj')));
    }
    const logits = product(
      norm(x, variable('model.norm.weight')),
      tf.transpose(variable('model.embed_tokens.weight')),
    );
    return /** @type {import('@tensorflow/tfjs').Scalar} */ (crossEntropy(logits));
  };

  const { learningRate, beta1, beta2, epsilon: adamEpsilon } = optimizer;
  const adam = tf.train.adam(learningRate, beta1, beta2, adamEpsilon);
  return async () => {
    const cost = adam.minimize(loss, true, [...variables.values()]);
    const [value = Number.NaN] = (await cost?.data()) ?? [];
    cost?.dispose();
    return value;
  };
}

/**
 * Projections are held as [inputs][outputs], so that they need no transpose forward.
 *
 * @param {Tf} tf
 * @param {Parameter[]} parameters
 * @param {Float32Array} weights
 */
function makeVariables(tf, parameters, weights) {
  /** @type {Map<string, import('@tensorflow/tfjs').Variable>} */
  const variables = new Map();
  let offset = 0;
  for (const { name, shape } of parameters) {
    const size = shape.reduce((product, n) => product * n, 1);
    const values = tf.tensor(weights.subarray(offset, offset + size), [...shape]);
    variables.set(name, tf.variable(name.endsWith('_proj.weight') ? tf.transpose(values) : values));
    offset += size;
  }
  return variables;
}

/**
 * @param {Tf} tf
 * @param {Int32Array} rows
 * @param {number} length
 * @param {number} vocabularySize
 */
function inputsAndTargets(tf, rows, length, vocabularySize) {
  const inputs = rows.filter((_, i) => i % (length + 1) < length);
  const outputs = rows.filter((_, i) => i % (length + 1) > 0);
  const targets = tf.cast(tf.oneHot(tf.tensor1d(outputs, 'int32'), vocabularySize), 'float32');
  return { ids: tf.tensor1d(inputs, 'int32'), targets };
}

/**
 * Cosines and sines [tokens * heads][headLength], and the matrix that turns (a, b) into (-b, a), by halves of a head.
 *
 * @param {Tf} tf
 * @param {Task['model']} model
 * @param {number} tokens
 */
function rotation(tf, { contextLength, headCount, headLength, ropeFreqBase }, tokens) {
  const half = headLength / 2;
  const tableOf = (/** @type {(angle: number) => number} */ f) =>
    Float32Array.from({ length: tokens * headCount * headLength }, (_, i) => {
      const position = Math.floor(i / (headCount * headLength)) % contextLength;
      return f(position * ropeFreqBase ** (-((i % headLength) % half) / half));
    });
  const shape = /** @type {[number, number]} */ ([tokens * headCount, headLength]);
  const turn = new Float32Array(headLength * headLength);
  for (let i = 0; i < half; i++) {
    turn[(i + half) * headLength + i] = -1;
    turn[i * headLength + i + half] = 1;
  }
  return {
    cos: tf.tensor2d(tableOf(Math.cos), shape),
    sin: tf.tensor2d(tableOf(Math.sin), shape),
    turn: tf.tensor2d(turn, [headLength, headLength]),
  };
}
