/** Sentences for what the file system answers most, for Node.js. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file system does not take files of this size',
  EACCES: 'writing there is not permitted',
  EPERM: 'writing there is not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder',
};

/** The code of a system error, such as ENOENT; '' for anything else. */
export function systemCode(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Why a file could not be written, in words that fit behind a colon. */
export function writeReason(cause: unknown): string {
  return REASONS[systemCode(cause)] ?? (cause instanceof Error ? cause.message : String(cause));
}
