/**
 * Opens a built page in Chromium as a person would have it (size, colours, touch) and watches what it must not do: errors,
 * requests to others, violations of its content policy, contents that jump. `assertSound` says what was noticed, and what
 * axe finds. What takes time is kept (`longTasks`) and never judged here.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Locator, Page, ViewportSize } from 'playwright-core';
import { findChromium, launchChromium } from './chromium.ts';

export const DESKTOP: ViewportSize = { width: 1280, height: 900 };
export const PHONE: ViewportSize = { width: 390, height: 844 };
/** For what takes long on slow machines. */
export const PATIENCE = { timeout: 60_000 } as const;

/** "Good" by Web Vitals is at most 0.1. */
const MOST_SHIFT = 0.05;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** How a page is opened. */
export interface PageOptions {
  /** Default: a desktop. */
  readonly viewport?: ViewportSize;
  readonly colorScheme?: 'light' | 'dark';
  /** One to share storage with another page; by default the page has its own. */
  readonly context?: BrowserContext;
  /** Console messages that are part of the test, such as those about a server that is gone. */
  readonly expected?: RegExp;
  readonly permissions?: readonly string[];
}

/** A page with what it did wrong so far. */
export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly faults: readonly string[];
  /** Closes the page, and its context unless it was given. */
  close(): Promise<void>;
}

/** Milliseconds since the page began. */
export interface LongTask {
  readonly start: number;
  readonly duration: number;
}

/** What the page's own observers saw. */
interface Noticed {
  violations: string[];
  shift: number;
  shifted: string[];
  longTasks: LongTask[];
}

let browser: Promise<Browser> | undefined;

/** Whether there is a Chromium to test with; CI has one. */
export const HAS_CHROMIUM: boolean = findChromium() !== undefined;

/** The browser of this process, started once. @throws Error when there is none */
export function sharedBrowser(): Promise<Browser> {
  const path = findChromium();
  if (path === undefined)
    throw new Error('no Chromium was found; install one, or name it in BITNET_CHROMIUM');
  browser ??= launchChromium(path);
  return browser;
}

/** Ends the browser, if it was started. */
export async function closeBrowser(): Promise<void> {
  const started = browser;
  browser = undefined;
  await (await started)?.close();
}

/** Opens `address`. Every context watches: service workers and workers belong to the page. */
export async function openPage(address: string, options: PageOptions = {}): Promise<WatchedPage> {
  const { viewport = DESKTOP, colorScheme = 'light', permissions = [] } = options;
  const isOwn = options.context === undefined;
  const context =
    options.context ??
    (await (
      await sharedBrowser()
    ).newContext({
      viewport,
      colorScheme,
      hasTouch: viewport.width < 600,
      permissions: [...permissions],
    }));
  const faults: string[] = [];
  const isFault = (text: string) => options.expected?.test(text) !== true;
  const { origin } = new URL(address);
  context.on('request', (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (protocol !== 'data:' && asked !== origin) faults.push(`asks for ${request.url()}`);
  });
  const page = await context.newPage();
  if (!isOwn) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
  }
  page.on('pageerror', (error) => {
    if (isFault(error.message)) faults.push(error.stack ?? error.message);
  });
  page.on('console', (message) => {
    const text = message.text();
    if (['error', 'warning'].includes(message.type()) && isFault(text)) {
      faults.push(`${text} (${message.location().url})`);
    }
  });
  await page.addInitScript(watch);
  await page.goto(address);
  return { page, context, faults, close: () => (isOwn ? context.close() : page.close()) };
}

/** Runs in the page, before its scripts. */
function watch(): void {
  const noticed: Noticed = { violations: [], shift: 0, shifted: [], longTasks: [] };
  Object.assign(globalThis, { noticed });
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
    noticed.violations.push([violatedDirective, blockedURI, sample].filter((part) => part).join(' ')),
  );
  interface Shift extends PerformanceEntry {
    readonly value: number;
    readonly hadRecentInput: boolean;
    readonly sources: readonly { readonly node: Node | null }[];
  }
  const nameOf = (node: Node | null) =>
    node instanceof Element ? `${node.tagName.toLowerCase()}.${node.className}` : (node?.nodeName ?? '?');
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as Shift[]) {
      // What moves because its user did something is expected to.
      if (entry.hadRecentInput) continue;
      noticed.shift += entry.value;
      noticed.shifted.push(
        `${entry.value.toFixed(4)} ${entry.sources.map(({ node }) => nameOf(node)).join(' ')}`,
      );
    }
  }).observe({ type: 'layout-shift', buffered: true });
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      noticed.longTasks.push({ start: startTime, duration });
  }).observe({ type: 'longtask', buffered: true });
}

/** Tasks of the page's main thread that took more than 50 ms, since it was opened. */
export async function longTasks(page: Page): Promise<readonly LongTask[]> {
  return (await noticedIn(page)).longTasks;
}

function noticedIn(page: Page): Promise<Noticed> {
  return page.evaluate(() => (globalThis as unknown as { noticed: Noticed }).noticed);
}

/**
 * Fails, with what was noticed, unless the page kept to everything: no faults, no violations, no jumps, no sideways
 * scrolling, nothing that axe finds.
 *
 * @param impacts what axe may not find; by default everything that it knows
 */
export async function assertSound(
  { page, faults }: WatchedPage,
  impacts: readonly string[] = ['minor', 'moderate', 'serious', 'critical'],
): Promise<void> {
  const { violations, shift, shifted } = await noticedIn(page);
  assert.deepEqual(violations, []);
  assert.deepEqual(faults, []);
  assert.ok(shift < MOST_SHIFT, `what is seen shifted by ${shift}: ${shifted.join('; ')}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `it is ${overflow} pixels wider than the window`);
  assert.deepEqual(await axeFindings(page, impacts), []);
}

/** What axe finds in the page as it is now: `impact rule: nodes, and what is wrong with each`. */
export async function axeFindings(page: Page, impacts: readonly string[]): Promise<readonly string[]> {
  interface Axe {
    run(): Promise<{
      violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
    }>;
  }
  await page.evaluate(readFileSync(AXE, 'utf8'));
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run();
    return violations.map(({ id, impact, nodes }) => ({
      impact,
      text: `${impact} ${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
    }));
  });
  return found.filter(({ impact }) => impacts.includes(impact)).map(({ text }) => text);
}

/** What a person reads in it, with spaces where lines and cells end. */
export function textOf(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: this is no node, and words of different cells would touch
  return locator.innerText();
}

/** Waits until what is asserted holds: answers are parsed over some frames. The last failure is thrown when it never does. */
export async function eventually(check: () => Promise<void>): Promise<void> {
  const end = Date.now() + PATIENCE.timeout / 4;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** What is read once it no longer changes: answers are parsed over some frames. */
export async function settled<T extends string | readonly string[]>(read: () => Promise<T>): Promise<T> {
  for (let last = await read(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    const now = await read();
    if (JSON.stringify(now) === JSON.stringify(last)) return now;
    last = now;
  }
}
