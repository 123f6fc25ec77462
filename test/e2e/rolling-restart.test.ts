import { test } from 'vitest';
import { keepsTurnsWhileWorkersAreReplaced } from './rolling-restart.js';

test('6 busy sessions lose no turn and repeat no effect while 2 workers are replaced one by one', () =>
  keepsTurnsWhileWorkersAreReplaced({ sessions: 6, workers: 2 }));
