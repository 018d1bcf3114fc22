// The multiply-add of the products in training: fused where the build has relaxed SIMD and the processor the
// instruction, else a product and a sum.

/** a * b + c */
// @ts-ignore: decorator
@inline export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** One multiply-add of a chain: in the plain build its product depends on the chain too, else it would be made once. */
// @ts-ignore: decorator
@inline function link(chain: v128, x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(x, x, chain);
  return f32x4.add(f32x4.mul(chain, x), x);
}

/** Twelve chains hide the latency of either form; a round is 85 links of each and one more of four: 1024 vectors. */
function peakRounds(rounds: i32, factor: f32): f32 {
  const x = f32x4.splat(factor);
  let a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
  for (; rounds > 0; rounds--) {
    for (let n = 0; n < 85; n++) {
      a = link(a, x); b = link(b, x); c = link(c, x); d = link(d, x); e = link(e, x); f = link(f, x);
      g = link(g, x); h = link(h, x); i = link(i, x); j = link(j, x); k = link(k, x); l = link(l, x);
    }
    a = link(a, x); b = link(b, x); c = link(c, x); d = link(d, x);
  }
  a = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  a = f32x4.add(a, f32x4.add(f32x4.add(i, j), f32x4.add(k, l)));
  return f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1) + f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3);
}

/** In calls of 64 rounds, since a runtime takes up better code of a function only where it is called. */
export function multiplyAddPeak(rounds: i32): f32 {
  let sum: f32 = 0;
  for (; rounds > 64; rounds -= 64) sum += peakRounds(64, 0.5);
  return sum + peakRounds(rounds, 0.5);
}
