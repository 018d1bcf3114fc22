/** For the tests of layers: a thread on the reference backend, and gradients by central finite differences. */
import assert from 'node:assert/strict';
import { createRandom } from '../../base/random.ts';
import { createReferenceBackend } from '../../kernels/backend.ts';
import { loneMember, type Member } from '../../kernels/team/member.ts';

/** Half the distance of the two values that a difference is taken of. */
const STEP = 1 / 64;
/** Of the largest gradient: what f32 and the third derivative leave of a difference. */
const TOLERANCE = 3e-3;
/** Elements of an array that are looked at, at most. */
const CHECKED = 60;

/** f32 or i32 elements on the heap. */
export interface Placed {
  readonly address: number;
  readonly length: number;
}

/** A heap, and a thread that has it to itself. */
export class GradientBench {
  readonly member: Member;
  readonly #heap = createReferenceBackend(false);
  readonly #random = createRandom(7);

  constructor() {
    this.member = loneMember(this.#heap, this.#heap.heap.allocate(2 ** 21));
  }

  /** Zeros; rows of a matrix have no pad, since lengths are multiples of 16. */
  zeros(...shape: readonly number[]): Placed {
    const length = shape.reduce((product, n) => product * n, 1);
    return { address: this.#heap.heap.allocate(4 * length), length };
  }

  /** Uniform in -1 … 1. */
  random(...shape: readonly number[]): Placed {
    const placed = this.zeros(...shape);
    const values = this.f32(placed);
    for (let i = 0; i < values.length; i++) values[i] = 2 * this.#random.next() - 1;
    return placed;
  }

  integers(values: readonly number[]): Placed {
    const placed = this.zeros(values.length);
    this.#heap.heap.i32(placed.address, values.length).set(values);
    return placed;
  }

  doubles(length: number): { readonly address: number; readonly values: Float64Array } {
    const address = this.#heap.heap.allocate(8 * length);
    return { address, values: this.#heap.heap.f64(address, length) };
  }

  f32({ address, length }: Placed): Float32Array {
    return this.#heap.heap.f32(address, length);
  }

  /**
   * Asserts that `gradient` is that of Σ weights * out by x, where `forward` computes out from x.
   *
   * @param weights the gradient of out that backward was given
   */
  assertGradient(
    name: string,
    x: Placed,
    gradient: Placed,
    weights: Placed,
    out: Placed,
    forward: () => void,
  ): void {
    this.assertGradientOf(name, x, gradient, () => {
      forward();
      const results = this.f32(out);
      return this.f32(weights).reduce((sum, weight, i) => sum + weight * results[i]!, 0);
    });
  }

  /** The same of any number that depends on x. */
  assertGradientOf(name: string, x: Placed, gradient: Placed, loss: () => number): void {
    const values = this.f32(x);
    const found = this.f32(gradient);
    const most = found.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    assert.ok(most > 0, `${name}: all of the gradient is zero`);
    const stride = Math.max(1, Math.floor(values.length / CHECKED));
    for (let i = 0; i < values.length; i += stride) {
      const before = values[i]!;
      values[i] = before + STEP;
      const above = loss();
      values[i] = before - STEP;
      const below = loss();
      values[i] = before;
      const expected = (above - below) / (2 * STEP);
      assert.ok(
        Math.abs(found[i]! - expected) <= TOLERANCE * most,
        `${name} ${i}: ${found[i]}, and by differences ${expected}`,
      );
    }
  }
}
