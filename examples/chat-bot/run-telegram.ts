/** The bot on Telegram: `TELEGRAM_TOKEN=… REDIS_URL=… node examples/dist/chat-bot/run-telegram.js`. Ctrl-C ends it. */
import { createProducer } from '@hearth/producer';
import { Bot } from './bot.js';
import { Telegram } from './telegram.js';

const producer = createProducer();
const telegram = new Telegram(
  `${process.env['TELEGRAM_API'] ?? 'https://api.telegram.org'}/bot${process.env['TELEGRAM_TOKEN']}`,
);
process.once('SIGINT', () => telegram.stop());
await telegram.listen(new Bot(producer, telegram));
await producer.close();
