/** The environment of every benchmark. */
export interface Bench {
  redisUrl: string;
  /** The environment variables with which agents find the simulated model. */
  env: NodeJS.ProcessEnv;
  folder: string;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const ms = (value: number): string => `${value.toFixed(2)} ms`;

/** One row: name, number of samples, p50, p99. */
export function row(name: string, values: readonly number[]): string {
  return `  ${name.padEnd(44)} n=${String(values.length).padEnd(5)} p50 ${ms(quantile(values, 0.5)).padStart(10)}   p99 ${ms(quantile(values, 0.99)).padStart(10)}`;
}
