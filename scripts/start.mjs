/** `npm start`: install what is missing, build, then `hearth start` with the arguments given. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, install, root } from './steps.mjs';

await install();
await build();
const child = spawn(process.execPath, [join(root, 'packages/cli/dist/main.js'), 'start', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
// Ctrl-C in a terminal reaches the child by itself; we only wait for it. A SIGTERM reaches us alone.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)));
