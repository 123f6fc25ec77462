/** `npm run bench`: install what is missing, build, run the benchmarks. Arguments name the ones to run. */
import { build, install, run } from './steps.mjs';

await install();
await build();
const args = ['test/dist/bench/main.js', ...process.argv.slice(2)];
process.exitCode = await run(process.execPath, args, { stdio: 'inherit', shell: false });
