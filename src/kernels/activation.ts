/** The function between the gate and its product with the up projection. */
export const Activation = { SiLU: 0, ReLU2: 1, GeluTanh: 2 } as const;
export type Activation = (typeof Activation)[keyof typeof Activation];
