/** An environment variable. An empty one counts as unset. */
export const environment = (name: string): string | undefined => process.env[name] || undefined;

/** An environment variable as a number. NaN, which no schema accepts, when it is not a number. */
export const numberFrom = (name: string): number | undefined => {
  const text = environment(name);
  return text === undefined ? undefined : Number(text);
};
