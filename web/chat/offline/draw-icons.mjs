#!/usr/bin/env node
// @ts-check
/**
 * Draws the icons of the installed page from web/shared/icon.svg with Chromium: `node web/chat/offline/draw-icons.mjs`. They are
 * kept in the repository, since a build has no Chromium.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const folder = dirname(fileURLToPath(import.meta.url));
const icon = readFileSync(join(folder, '..', '..', 'shared', 'icon.svg'), 'utf8');
/** Its ground reaches into the corners: systems cut their own shape out of it (W3C, Web Application Manifest, "maskable"). */
const maskable = icon.replace('rx="7"', '').replace('viewBox="0 0 32 32"', 'viewBox="-3 -3 38 38"');
const ground = '#14532d';

const browser = await chromium.launch({
  executablePath: process.env.BITNET_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const { name, size, svg, background } of [
  { name: 'icon-192.png', size: 192, svg: icon, background: 'transparent' },
  { name: 'icon-512.png', size: 512, svg: icon, background: 'transparent' },
  { name: 'icon-maskable-512.png', size: 512, svg: maskable, background: ground },
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(
    `<style>body{margin:0;background:${background}}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`,
  );
  await page.screenshot({ path: join(folder, name), omitBackground: true });
  await page.close();
}
await browser.close();
