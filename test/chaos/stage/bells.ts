import { intakeQueue, type Keys, workerQueue } from '@hearth/shared/internal';
import type { Redis } from 'ioredis';

/** Worker numbers that may exist. */
const workerNumbers = 16;

/** Only doorbells: a job that brings its own turn is in no log, and would be lost. */
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

/** Removes the waiting doorbells, as if the queues were emptied by hand. Returns their number. */
export async function removeBells(redis: Redis, { options }: Keys): Promise<number> {
  const names = [intakeQueue, ...Array.from({ length: workerNumbers }, (_, at) => workerQueue(at + 1))];
  const queues = names.map((name) => `${options.queuePrefix}:${name}`);
  return Number(await redis.eval(remove, queues.length, ...queues));
}
