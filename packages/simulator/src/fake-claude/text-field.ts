/** A field that should be text. Input of the host is not trusted. */
export function textField(of: Readonly<Record<string, unknown>> | undefined, name: string, otherwise = ''): string {
  const value = of?.[name];
  return typeof value === 'string' ? value : otherwise;
}
