/** A file of the Origin Private File System for reading. */
import { type ByteSource, checkSpan } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';

/** The bytes of a file as they are now; once the file changes, reading fails. */
export function fileSource(file: File, name: string): ByteSource {
  const source: ByteSource = {
    name,
    size: file.size,
    async readInto(target, offset, signal) {
      checkSpan(source, offset, target.byteLength);
      signal?.throwIfAborted();
      const part = await file
        .slice(offset, offset + target.byteLength)
        .arrayBuffer()
        .catch((cause: unknown) => {
          throw new BitnetError('source/read-failed', `${name}: the stored file has changed; load it again`, {
            cause,
          });
        });
      signal?.throwIfAborted();
      target.set(new Uint8Array(part));
    },
    async close() {},
  };
  return source;
}
