/** An empty variable is an unset one. */
export const environment = (name: string): string | undefined => process.env[name] || undefined;

/** A number, or NaN, which no schema accepts. */
export const numberFrom = (name: string): number | undefined => {
  const text = environment(name);
  return text === undefined ? undefined : Number(text);
};
