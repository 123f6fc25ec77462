/** `pnpm chaos`: install what is missing, build, run the fault suite. Arguments go to it. */
import { build, install, run } from './steps.mjs';

await install();
await build();
// Ctrl-C reaches the suite itself, which ends what it started.
process.on('SIGINT', () => undefined);
const args = ['test/dist/chaos/main.js', ...process.argv.slice(2)];
process.exitCode = await run(process.execPath, args, { stdio: 'inherit', shell: false });
