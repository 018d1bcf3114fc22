// Constants of the inner loops, as exported mutable globals so that no compiler knows their values: V8 since Node 24
// rebuilds a constant splat at every use (movq, vmovq, vpunpcklqdq) instead of keeping it in a register, which costs a
// third of the speed. Nothing ever writes them. Kernels splat them into locals before their loops.

/** The two bits of a ternary code. */
export let codeMask: i32 = 3;
/** The low four bits of a byte: a code of a 4-bit plane. */
export let lowHalfMask: i32 = 15;
/** Sign, exponent and fraction of a half that was sign-extended and shifted left by 13. */
export let halfMask: i32 = 0x8fffe000;
/** 2^112, the difference of the exponent biases of f32 and half. */
export let halfScale: f32 = 5.192296858534828e33;
