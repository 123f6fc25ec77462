/** A value as a script returns it. */
export type RawValue = string | number | null | readonly RawValue[];
/** Reads a value of a reply. @throws TypeError when the value has another form */
export type Reader<T> = (value: RawValue | undefined) => T;
export type Fields = Readonly<Record<string, Reader<unknown>>>;
export type ValuesOf<F extends Fields> = { [Name in keyof F]: ReturnType<F[Name]> };

export const text: Reader<string> = (value) => {
  if (typeof value !== 'string') throw new TypeError(`expected a text, got ${JSON.stringify(value)}`);
  return value;
};

/** A number, which Redis returns as text when it stores it. */
export const number: Reader<number> = (value) => {
  const parsed = value === '' || value === null || typeof value === 'object' ? Number.NaN : Number(value);
  if (Number.isNaN(parsed)) throw new TypeError(`expected a number, got ${JSON.stringify(value)}`);
  return parsed;
};

/** Scripts write '1' for true and '' for false. */
export const flag: Reader<boolean> = (value) => text(value) === '1';

/** Scripts write '' for a value that there is not. */
export const optional =
  <T>(read: Reader<T>): Reader<T | undefined> =>
  (value) =>
    value === '' ? undefined : read(value);

export const list =
  <T>(read: Reader<T>): Reader<T[]> =>
  (value) => {
    if (!Array.isArray(value)) throw new TypeError(`expected a list, got ${JSON.stringify(value)}`);
    return value.map(read);
  };

/** Fields by name, which scripts write as a list: name, value, name, value, … */
export const record =
  <F extends Fields>(fields: F): Reader<ValuesOf<F>> =>
  (value) => {
    if (!Array.isArray(value)) throw new TypeError(`expected fields, got ${JSON.stringify(value)}`);
    const found: Record<string, unknown> = {};
    for (let at = 0; at < value.length; at += 2) {
      const name = camelCase(String(value[at]));
      const read = fields[name];
      if (read === undefined) throw new TypeError(`expected no field ${name}`);
      found[name] = read(value[at + 1]);
    }
    for (const name of Object.keys(fields)) if (!(name in found)) throw new TypeError(`expected a field ${name}`);
    return found as ValuesOf<F>;
  };

/** A name of the scripts as its callers write it: `worker_id` is `workerId`. */
export const camelCase = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
