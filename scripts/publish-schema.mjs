/** Writes docs/turn-job.schema.json from the schema that workers check raw jobs by. A test keeps the two equal. */
import { writeFileSync } from 'node:fs';
import { turnJobJsonSchema } from '../packages/shared/dist/index.js';

const file = new URL('../docs/turn-job.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(turnJobJsonSchema(), undefined, 2)}\n`);
