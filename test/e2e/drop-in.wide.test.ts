import { test } from 'vitest';
import { allInvocations, answersAsTheRealCli } from './drop-in.js';

test('answers 20 calls with the lines, words and exit codes of claude -p', () => answersAsTheRealCli(allInvocations));
