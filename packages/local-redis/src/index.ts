// The public surface of @hearth/local-redis: a Redis on loopback, found or fetched.
export { LocalRedisError, type LocalRedisErrorCode } from './errors.js';
export { type FindOptions, findRedisServer, type RedisServer, type Surroundings } from './find.js';
export { type LocalRedis, type LocalRedisOptions, startLocalRedis } from './start.js';
