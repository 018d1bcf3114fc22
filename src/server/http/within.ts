/** Waiting for something for so long at most, without a timer left behind. */

/**
 * What the promise gives, or undefined where that takes longer. The promise goes on by itself then.
 *
 * @throws what the promise is rejected with meanwhile
 */
export async function within<T>(promise: Promise<T>, seconds: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
