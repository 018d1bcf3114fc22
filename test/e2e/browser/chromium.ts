/** Starts an installed Chromium through playwright-core, which brings no browser of its own. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const USUAL_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/**
 * The path of a Chromium: what BITNET_CHROMIUM names, or else one that lies where systems put it; undefined when there
 * is none.
 *
 * @throws Error when BITNET_CHROMIUM names a file that does not exist
 */
export function findChromium(): string | undefined {
  const named = process.env.BITNET_CHROMIUM;
  if (named && !existsSync(named)) throw new Error(`BITNET_CHROMIUM is ${named}, and there is no such file`);
  return named || USUAL_PATHS.find((path) => existsSync(path));
}

/** Starts it without a window, and without anything that would reach for the network by itself. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-default-apps',
      '--disable-extensions',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}
