/**
 * `npm start`: install what is missing, build, then `hearth start` with the arguments given. Only that program writes to
 * stdout: .npmrc keeps npm itself from printing its banner there.
 */
import { build, install, run } from './steps.mjs';

await install();
await build();
// The child receives the terminal's Ctrl-C, too, and may need time to stop: wait for it.
process.on('SIGINT', () => undefined);
const args = ['packages/cli/dist/main.js', 'start', ...process.argv.slice(2)];
process.exitCode = await run(process.execPath, args, { stdio: 'inherit', shell: false });
