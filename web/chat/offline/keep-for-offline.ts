/** Registers the service worker that keeps the page for when there is no network (service-worker.ts). */

/** Once the page has loaded, so that it is not slowed down by its own copy being made. */
export function keepForOffline(): void {
  // Missing without HTTPS, but for localhost, and in private windows of some browsers: the page then needs its network.
  if (!('serviceWorker' in navigator)) return;
  const register = () => {
    const script = new URL('./service-worker.js', document.baseURI);
    navigator.serviceWorker.register(script).catch(() => {});
  };
  if (document.readyState === 'complete') register();
  else addEventListener('load', register, { once: true });
}
