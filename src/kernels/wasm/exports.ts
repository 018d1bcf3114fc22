/** What the compiled AssemblyScript modules (assembly/relaxed.ts, assembly/simd.ts) export. Addresses are bytes. */
export interface WasmExports {
  ternaryBytes(M: number, K: number): number;
  activationBytes(K: number): number;
  attentionScratchBytes(heads: number, kvHeads: number, headLength: number): number;
  packTernary(w: number, codes: number, K: number, row0: number, row1: number): void;
  packInt8Rows(
    w: number,
    scales: number,
    source: number,
    format: number,
    K: number,
    row0: number,
    row1: number,
    scratch: number,
  ): void;
  embed(
    out: number,
    ids: number,
    table: number,
    format: number,
    scale: number,
    K: number,
    t0: number,
    t1: number,
  ): void;
  embedInt8(
    out: number,
    ids: number,
    table: number,
    scales: number,
    scale: number,
    K: number,
    t0: number,
    t1: number,
  ): void;
  rmsNorm(out: number, x: number, w: number, eps: number, n: number, t0: number, t1: number): void;
  quantize(q: number, x: number, K: number, t0: number, t1: number): void;
  quantize16(q: number, x: number, K: number, limit: number, bytes: number, t0: number, t1: number): void;
  ternaryMatmul(
    out: number,
    outStride: number,
    q: number,
    w: number,
    weightScale: number,
    K: number,
    T: number,
    accumulate: number,
    r0: number,
    r1: number,
    sums: number,
  ): void;
  denseMatmul(
    out: number,
    outStride: number,
    x: number,
    w: number,
    format: number,
    K: number,
    T: number,
    accumulate: number,
    r0: number,
    r1: number,
    scratch: number,
  ): void;
  int8Matmul(
    out: number,
    outStride: number,
    q: number,
    bytes: number,
    w: number,
    scales: number,
    K: number,
    T: number,
    r0: number,
    r1: number,
  ): void;
  rope(
    out: number,
    x: number,
    inStride: number,
    positions: number,
    table: number,
    style: number,
    heads: number,
    headLength: number,
    t0: number,
    t1: number,
  ): void;
  storeKv(
    cache: number,
    format: number,
    x: number,
    tokenStride: number,
    headStride: number,
    kvHeads: number,
    headLength: number,
    capacity: number,
    position: number,
    t0: number,
    t1: number,
  ): void;
  attention(
    out: number,
    outStride: number,
    q: number,
    keys: number,
    values: number,
    format: number,
    scratch: number,
    scale: number,
    heads: number,
    kvHeads: number,
    headLength: number,
    capacity: number,
    position: number,
    tokens: number,
    i0: number,
    i1: number,
  ): void;
  gate(
    out: number,
    gate: number,
    up: number,
    activation: number,
    stride: number,
    T: number,
    c0: number,
    c1: number,
  ): void;
  add(x: number, xStride: number, y: number, yStride: number, T: number, c0: number, c1: number): void;
  barrier(barrier: number, count: number): void;
}
