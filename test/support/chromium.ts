import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The time limit of the package's download and installation, in ms. */
export const installAtMostMs = 600_000;

/** A headless Chromium: that of HEARTH_CHROMIUM, otherwise the machine's, otherwise, as root, Debian's package. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = process.env['HEARTH_CHROMIUM'] || onPath() || (await install());
  return chromium.launch({
    executablePath,
    args: [
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Chromium refuses to sandbox itself for root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
}

const onPath = (): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file));

/** Tests of pages that find no browser fail with an instruction. */
async function install(): Promise<string> {
  try {
    // Two test files may need it at the same time: the second waits for the first.
    const apt = (...args: string[]) =>
      execa('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
        stdin: 'ignore',
      });
    await apt('update');
    await apt('install', '-y', '--no-install-recommends', 'chromium');
    const installed = onPath();
    if (installed !== undefined) return installed;
    throw new Error('the package holds no chromium');
  } catch (cause) {
    throw new Error(
      'The tests of the console and of Bull Board need a Chromium, and none could be installed. ' +
        'Run `apt-get install chromium` as root, or set HEARTH_CHROMIUM to the path of one.',
      { cause },
    );
  }
}
