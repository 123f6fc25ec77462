import { intakeQueue, type Keys, workerQueue } from '@hearth/shared/internal';
import type { Redis } from 'ioredis';

/** Worker numbers there may have been. */
const workerNumbers = 16;

/** Doorbells alone: a job that brings its own turn is in no log, and nobody else's to lose. */
const remove = `
local removed = 0
for _, queue in ipairs(KEYS) do
  for _, id in ipairs(redis.call('LRANGE', queue .. ':wait', 0, -1)) do
    local data = redis.call('HGET', queue .. ':' .. id, 'data')
    if data and cjson.decode(data).seq then
      redis.call('LREM', queue .. ':wait', 1, id)
      redis.call('DEL', queue .. ':' .. id)
      removed = removed + 1
    end
  end
end
return removed
`;

/** Removes the doorbells that wait, as somebody who empties queues would. Returns how many. */
export async function removeBells(redis: Redis, { options }: Keys): Promise<number> {
  const names = [intakeQueue, ...Array.from({ length: workerNumbers }, (_, at) => workerQueue(at + 1))];
  const queues = names.map((name) => `${options.queuePrefix}:${name}`);
  return Number(await redis.eval(remove, queues.length, ...queues));
}
