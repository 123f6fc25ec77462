import { test } from 'vitest';
import { endsTurnsWhenRedisIsKilled } from './redis-killed.js';

test('50 streaming turns end with a commit or a typed error after Redis is killed and restarted, and a retry serves them', () =>
  endsTurnsWhenRedisIsKilled({ turns: 50 }));
