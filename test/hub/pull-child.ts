/** A process that pulls one model, `owner/model:model.gguf` of HF_ENDPOINT, for tests that kill it. */
import { openHub } from '#src/hub/open-hub.js';
import { modelOf } from './hub-for-test.ts';

const hub = await openHub();
const { path } = await hub.pull(modelOf('owner/model', { file: 'model.gguf' }));
process.stdout.write(`${path}\n`);
