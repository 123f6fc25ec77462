/** `pnpm build`: everything that runs from `dist`. */
import { build } from './steps.mjs';

await build();
