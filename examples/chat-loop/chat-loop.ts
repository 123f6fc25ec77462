/**
 * A chat in the terminal: `node examples/dist/chat-loop/chat-loop.js [session]`.
 * REDIS_URL is the address of the cluster. Ctrl-C interrupts an answer; at the prompt it ends the program.
 */
import { createInterface } from 'node:readline/promises';
import { createProducer, HearthError } from '@hearth/producer';

const producer = createProducer();
const session = producer.session(process.argv[2] ?? 'chat-loop');
const terminal = createInterface({ input: process.stdin, output: process.stderr });

let answering = false;
terminal.on('SIGINT', () => {
  // The agent keeps running, and the turn ends with the text so far.
  if (answering) void session.interrupt().catch(() => undefined);
  else terminal.close();
});

async function answer(prompt: string): Promise<void> {
  const turn = await session.prompt(prompt);
  for await (const event of turn) {
    if (event.type === 'text.delta') process.stdout.write(event.text);
    if (event.type === 'message') process.stdout.write('\n');
    if (event.type === 'tool.started') process.stderr.write(`[${event.name} ${event.input}]\n`);
    if (event.type === 'permission.requested') {
      process.stderr.write(`${event.name} asks for a permission: ${JSON.stringify(event.input)}\n`);
      const yes = await terminal.question('allow? (y/n) ');
      await session.answer(event.requestId, { decision: yes === 'y' ? 'allow' : 'deny' });
    }
  }
  await turn.result();
}

process.stderr.write('> ');
for await (const prompt of terminal) {
  answering = true;
  try {
    if (prompt.trim() !== '') await answer(prompt);
  } catch (error) {
    // A refused prompt, a failed turn, or a Redis that is away. The session continues.
    if (!(error instanceof HearthError)) throw error;
    process.stderr.write(`${error.code}: ${error.message}\n`);
  }
  answering = false;
  process.stderr.write('> ');
}
await producer.close();
