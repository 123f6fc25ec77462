/** `pnpm bench`: install what is missing, build, run the benchmarks. Arguments name the ones to run. */
import { build, install, root, run } from './steps.mjs';

await install();
await build();
process.exit(
  await run(process.execPath, ['test/dist/bench/main.js', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' }),
);
