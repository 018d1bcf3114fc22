/**
 * The local calibration: a small JSON file in the user's folder for state (XDG_STATE_HOME, on Windows LOCALAPPDATA), which
 * `bitnet can-run --validate` adds to. It is replaced as a whole, and one that is damaged counts as none.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Calibration, NO_CALIBRATION, parseCalibration } from '../../fit/calibration.ts';
import { writeOutputFile } from '../output-file.ts';

/** Larger files are none of ours. */
const MOST_BYTES = 2 ** 22;

/** Where the calibration is. */
export function calibrationPath(environment: NodeJS.ProcessEnv = process.env): string {
  const state =
    environment.XDG_STATE_HOME ||
    (process.platform === 'win32' ? environment.LOCALAPPDATA : undefined) ||
    join(homedir(), '.local', 'state');
  return join(state, 'bitnet.ts', 'calibration.json');
}

/**
 * The calibration at a path, an empty one where there is none.
 *
 * @param onNote told in a sentence why a file that is there is not used
 */
export async function readCalibration(
  path: string,
  onNote: (sentence: string) => void,
): Promise<Calibration> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') onNote(`${path} cannot be read (${code}) and is not used`);
    return NO_CALIBRATION;
  }
  const calibration = text.length > MOST_BYTES ? undefined : parseCalibration(text);
  if (calibration !== undefined) return calibration;
  onNote(`${path} is damaged or of another version and is not used; --validate writes a new one`);
  return NO_CALIBRATION;
}

/** Replaces the file. @throws BitnetError `output/failed` */
export async function writeCalibration(path: string, calibration: Calibration): Promise<void> {
  // Whatever stands in the way of the folder is reported for the file.
  await mkdir(dirname(path), { recursive: true }).catch(() => {});
  const bytes = new TextEncoder().encode(`${JSON.stringify(calibration, undefined, 1)}\n`);
  await writeOutputFile(path, true, (sink) => sink(bytes));
}
