import { test } from 'vitest';
import { answersAsTheRealCli, someInvocations } from './drop-in.js';

test('answers a call of each kind with the lines, words and exit code of claude -p', () =>
  answersAsTheRealCli(someInvocations));
