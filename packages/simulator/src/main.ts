/** The simulated model as a program: `node main.js [--port n] [--scenario file] [--json]`. Ends with SIGINT or SIGTERM. */
import { parseArgs } from 'node:util';
import { modelApiEnvironment } from './environment.js';
import { startModelApi } from './model-api/server.js';

try {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, scenario: { type: 'string' }, json: { type: 'boolean' } },
  });
  const api = await startModelApi({
    port: Number(values.port ?? 0),
    ...(values.scenario === undefined ? {} : { scenarioFile: values.scenario }),
  });
  if (values.json) process.stdout.write(`${JSON.stringify({ kind: 'ready', url: api.url })}\n`);
  else {
    process.stdout.write(`The simulated model serves at ${api.url}. Give claude this environment:\n`);
    for (const [name, value] of Object.entries(modelApiEnvironment(api.url)))
      process.stdout.write(`  export ${name}=${value}\n`);
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void api.stop().then(() => process.exit(0)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
