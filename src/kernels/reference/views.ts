/**
 * Typed views on the reference heap. The buffer grows in place, so views that track its length are made once and
 * indexed by address divided by element size.
 */
export interface Views {
  readonly i8: Int8Array;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i16: Int16Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
}

/** Views on a buffer that is (or may become) larger; they follow its growth. */
export function viewsOf(buffer: ArrayBufferLike): Views {
  return {
    i8: new Int8Array(buffer),
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    i16: new Int16Array(buffer),
    i32: new Int32Array(buffer),
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
  };
}
