import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { expectNoFaults } from '../support/pages.js';
import { bash, recall, recalled, remember, tool } from '../support/turns.js';

export const prompt = async (page: Page, text: string): Promise<void> => {
  await page.getByLabel('Prompt', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
};
export const turn = (page: Page, seq: number) => page.getByRole('article', { name: `Turn ${seq}`, exact: true });
/** The measures that a page shows under a turn which has its result. */
export const ended = (page: Page, seq: number) => turn(page, seq).getByText(/^total /);

const question = {
  question: 'Which colour?',
  header: 'Colour',
  multiSelect: false,
  options: [
    { label: 'Red', description: 'like fire' },
    { label: 'Blue', description: 'like water' },
  ],
};

/** A person's conversation on the page of a session: prompts, permissions, a question, an interrupt. Tools write to `folder`. */
export async function holdConversation(page: Page, url: string, folder: string): Promise<void> {
  await page.goto(url);
  await page.getByText('1 free').or(page.getByLabel(/slots/)).first().waitFor();
  await page.getByLabel('Session to open').fill('demo/chat #1');
  // The form refuses an id with spaces.
  await page.getByRole('button', { name: 'Open' }).click();
  expect(page.url()).not.toContain('sessions');
  await page.getByLabel('Session to open').fill('demo/chat');
  await page.getByRole('button', { name: 'Open' }).click();

  await prompt(page, remember(7));
  await turn(page, 1).getByText('I will remember the number 7.').waitFor();
  await ended(page, 1).waitFor();

  const touch = (file: string): string => bash(`touch ${join(folder, file)}`);
  await prompt(page, touch('allowed'));
  await page.getByRole('button', { name: 'Allow', exact: true }).click();
  await ended(page, 2).waitFor();
  expect(existsSync(join(folder, 'allowed'))).toBe(true);
  await turn(page, 2).getByLabel('done').waitFor();

  await prompt(page, touch('unchanged'));
  await page.getByRole('button', { name: 'Change the input' }).click();
  const editor = page.getByLabel(/Input of Bash/);
  await editor.fill('{"command":');
  expect(await page.getByRole('button', { name: 'Allow with this input' }).isDisabled()).toBe(true);
  await editor.fill(JSON.stringify({ command: `touch ${join(folder, 'changed')}` }));
  await page.getByRole('button', { name: 'Allow with this input' }).click();
  await ended(page, 3).waitFor();
  expect(existsSync(join(folder, 'unchanged'))).toBe(false);
  expect(existsSync(join(folder, 'changed'))).toBe(true);

  await prompt(page, touch('denied'));
  await page.getByLabel('What Claude is told when denied').fill('not on a Saturday');
  await page.getByRole('button', { name: 'Deny', exact: true }).click();
  await turn(page, 4).getByText('Bash denied (“not on a Saturday”).').waitFor();
  await ended(page, 4).waitFor();

  await prompt(page, touch('denied'));
  await page.getByRole('button', { name: 'Deny and stop' }).click();
  await turn(page, 5).getByText('interrupted').first().waitFor();
  expect(existsSync(join(folder, 'denied'))).toBe(false);

  await prompt(page, '[[stream chunks=200 every=50ms]] a b c d e f g h i j k l m n o p');
  await turn(page, 6).getByText('Echo: a b').waitFor();
  await page.getByRole('button', { name: 'Interrupt' }).click();
  await turn(page, 6).getByText('interrupted').first().waitFor();

  // The agent lives on and remembers.
  await prompt(page, recall);
  await turn(page, 7).getByText(recalled(7)).waitFor();
  await turn(page, 7).getByText('hot').waitFor();

  await prompt(page, tool('AskUserQuestion', { questions: [question] }));
  await page.getByLabel('Blue').check();
  await page.getByRole('button', { name: 'Answer', exact: true }).click();
  await ended(page, 8).waitFor();
  await turn(page, 8)
    .getByText(/Which colour\?"?="?Blue/)
    .first()
    .waitFor();
  expectNoFaults(page);
}

/** After the conversation: a tool that the agent's suggestions allow for the rest of the session is not asked for again. */
export async function allowForTheSession(page: Page, folder: string): Promise<void> {
  const always = bash(`touch ${join(folder, 'always')}`);
  await prompt(page, always);
  await page.getByLabel(/^Bash\(touch .*\)/).check();
  await page.getByLabel(/^files in .* in this session/).check();
  await page.getByRole('button', { name: 'Allow', exact: true }).click();
  await ended(page, 9).waitFor();
  await prompt(page, always);
  await ended(page, 10).waitFor();
}
