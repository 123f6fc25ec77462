import { test } from 'vitest';
import { keepsTurnsWhileWorkersAreReplaced } from './rolling-restart.js';

test('30 busy sessions lose no turn and repeat no effect while 3 workers are replaced one by one', () =>
  keepsTurnsWhileWorkersAreReplaced({ sessions: 30, workers: 3 }));
