/** How long the parts of the gate and its test files took last time. The record lies beside the installed tools. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'node_modules', '.cache', 'hearth-durations.json');

/** Seconds on a machine with two cores, for what was never recorded. */
const rough = [
  [/^install$/, 10],
  [/^build$/, 12],
  [/^checks$/, 12],
  [/^tests$/, 230],
  [/^wide tests$/, 600],
  [/\.wide\.test\.ts$/, 60],
  [/^test\/e2e\//, 6],
  [/^test\/contract\//, 15],
  [/./, 1],
];

/** Seconds by the name of a part or the path of a test file. */
export class Durations {
  constructor() {
    this.last = read();
  }

  of(name) {
    return this.last[name] ?? rough.find(([pattern]) => pattern.test(name))[1];
  }

  /** Records how long a part or some files took. */
  record(taken) {
    this.last = { ...read(), ...taken };
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(this.last, undefined, 1)}\n`);
  }
}

function read() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}

/** Minutes and seconds: `3:05`. */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
