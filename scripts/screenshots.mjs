/** `node scripts/screenshots.mjs`: makes docs/images anew, from a running cluster of fake-claude agents. */
import { build, install, run, tool } from './steps.mjs';

await install();
await build();
process.exitCode = await run(tool('vitest'), ['run', '--config', 'test/screenshots/vitest.config.ts']);
