import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { installAtMostMs, launchChromium } from './chromium.js';

/** How long a page may take to show what a test waits for, ms. It only ends what hangs. */
const showAtMostMs = 60_000;

/** The errors of a page, and what its content security policy refused. */
const faults = new WeakMap<Page, string[]>();

/**
 * One browser with one context for the tests of a file, so that the compiled code of a page serves the later tests too. Each test
 * begins online and without cookies.
 */
export function useBrowser(): (size?: { width: number; height: number }) => Promise<Page> {
  let browser: Browser | undefined;
  let context: BrowserContext | undefined;
  beforeAll(async () => {
    browser = await launchChromium();
    context = await browser.newContext({ reducedMotion: 'reduce' });
    context.setDefaultTimeout(showAtMostMs);
  }, installAtMostMs);
  afterAll(() => browser?.close());
  return async (size = { width: 1_280, height: 800 }) => {
    if (context === undefined) throw new TypeError('no browser');
    await context.setOffline(false);
    await context.clearCookies();
    const page = await context.newPage();
    await page.setViewportSize(size);
    const found: string[] = [];
    faults.set(page, found);
    page.on('pageerror', (error) => found.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) found.push(message.text());
    });
    onTestFinished(async ({ task }) => {
      if (task.result?.state === 'fail') await printText(page);
      await page.close();
    });
    return page;
  };
}

/** Fails the test when the page had an error, or broke its content security policy. */
export function expectNoFaults(page: Page): void {
  expect(faults.get(page)).toEqual([]);
}

/** Prints what the page of a failed test shows. */
async function printText(page: Page): Promise<void> {
  const text = await page
    .locator('body')
    .textContent({ timeout: 1_000 })
    .catch(() => null);
  process.stderr.write(`\n--- ${page.url()}\n${text?.slice(0, 4_000)}\n`);
}
