// @ts-check
/** `globalThis.measure(job)`: has a worker measure, since that is where the chat page runs its models. */
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });

/** @type {any} */ (globalThis).measure = (/** @type {unknown} */ job) =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => ('error' in data ? reject(new Error(data.error)) : resolve(data));
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(job);
  });
