/** stub */
import type { FromWorker, ToWorker } from './protocol.ts';

function tell(message: FromWorker): void {
  globalThis.postMessage(message);
}
globalThis.addEventListener('message', ({ data }) => {
  const message = data as ToWorker;
  if (message.kind === 'ask') {
    tell({
      kind: 'device',
      facts: {
        cores: navigator.hardwareConcurrency,
        threads: crossOriginIsolated ? 2 : 1,
        memoryBytes: 8 * 2 ** 30,
        backend: 'wasm-relaxed',
      },
    });
    tell({
      kind: 'answers',
      promptTokens: 128,
      answers: [
        {
          name: '2b4t',
          title: 'BitNet b1.58 2B4T',
          about: '2b4t, 2.4 B weights, chat, MIT',
          verdict: 'yes',
          reason: undefined,
          contextLength: 4096,
          memoryBytes: 1.9e9,
          downloadBytes: 1187801280,
          generation: { value: 12.3, low: 10.4, high: 14 },
          prefill: undefined,
          firstToken: { value: 3.2, low: 2.5, high: 4 },
          help: ['A context of 2,048 tokens takes 157 MB less.'],
          isOwn: false,
        },
        {
          name: 'falcon3-10b',
          title: 'Falcon3 10B Instruct 1.58bit',
          about: 'falcon3-10b, 10.3 B weights, chat, Falcon-LLM',
          verdict: 'no',
          reason: 'It needs 5.1 GB, and a page has at most 4.29 GB.',
          contextLength: 4096,
          memoryBytes: 5.1e9,
          downloadBytes: 3991393696,
          generation: undefined,
          prefill: undefined,
          firstToken: undefined,
          help: [],
          isOwn: false,
        },
      ],
    });
  }
});
