/** What a page learns of the machine it is on: little, and rounded so that nobody is recognised by it. */
import type { MachineFacts, ResidentMemory } from './machine-facts.ts';

/** See {@link MachineFacts}. */
export function machineFacts(): MachineFacts {
  const { deviceMemory } = navigator as Navigator & { readonly deviceMemory?: number };
  return {
    processor: undefined,
    performanceCores: undefined,
    efficiencyCores: undefined,
    usableThreads: navigator.hardwareConcurrency || 1,
    limitedBy: undefined,
    instructionSets: [],
    // In GiB; 8 stands for all that have more, so there it says nothing.
    totalMemoryBytes: deviceMemory === undefined || deviceMemory >= 8 ? undefined : deviceMemory * 2 ** 30,
    availableMemoryBytes: undefined,
  };
}

/** Pages are not told. */
export function residentMemory(): ResidentMemory {
  return { bytes: undefined, fileBytes: undefined };
}
