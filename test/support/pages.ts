import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { installAtMostMs, launchChromium } from './chromium.js';

/** What a page did that it should not have: errors of its own, and what its content security policy refused. */
const faults = new WeakMap<BrowserContext, string[]>();

/** One browser for the tests of a file; each test gets a context of its own. */
export function useBrowser(): (size?: { width: number; height: number }) => Promise<Page> {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await launchChromium();
  }, installAtMostMs);
  afterAll(() => browser?.close());
  return async (viewport = { width: 1_280, height: 800 }) => {
    if (browser === undefined) throw new TypeError('no browser');
    const context = await browser.newContext({ viewport, reducedMotion: 'reduce' });
    context.setDefaultTimeout(20_000);
    const found: string[] = [];
    faults.set(context, found);
    context.on('weberror', (error) => found.push(String(error.error())));
    context.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) found.push(message.text());
    });
    onTestFinished(async ({ task }) => {
      const [page] = context.pages();
      if (task.result?.state === 'fail' && page !== undefined) await tell(page);
      await context.close();
    });
    return context.newPage();
  };
}

/** Fails the test when the page did something that it should not have. */
export function expectNoFaults(page: Page): void {
  expect(faults.get(page.context())).toEqual([]);
}

/** What a failed test's page showed in the end. */
async function tell(page: Page): Promise<void> {
  const text = await page
    .locator('body')
    .textContent({ timeout: 1_000 })
    .catch(() => null);
  process.stderr.write(`\n--- ${page.url()}\n${text?.slice(0, 4_000)}\n`);
}
