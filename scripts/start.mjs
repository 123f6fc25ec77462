/**
 * `npm start`: install what is missing, build, then `hearth start` with the arguments given. What npm itself prints
 * ("> hearth@0.1.0 start") goes to stdout before we run; programs that read `--json` use `npm start --silent -- --json`.
 * (`loglevel=silent` in a project .npmrc would do the same, but hides the errors of `npm run <typo>` and of pnpm too.)
 */
import { build, install, run } from './steps.mjs';

await install();
await build();
// The child gets a terminal's Ctrl-C itself, and may take its time to stop: we wait for it.
process.on('SIGINT', () => undefined);
const args = ['packages/cli/dist/main.js', 'start', ...process.argv.slice(2)];
process.exitCode = await run(process.execPath, args, { stdio: 'inherit', shell: false });
