/** Ids that no other thing has; `crypto.randomUUID` is missing where a page comes over plain HTTP from another machine. */

/** 128 random bits as 32 hexadecimal digits. */
export function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
