/** The reference against itself: its results do not depend on how the work is split either. */
import { createReferenceBackend } from '#src/kernels/backend.js';
import { runKernelConformance } from './kernels.ts';

runKernelConformance({ name: 'reference', make: async () => createReferenceBackend(true) });
