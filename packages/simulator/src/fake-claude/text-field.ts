/** A field that should be a text; what the host sends is not ours to trust. */
export function textField(of: Readonly<Record<string, unknown>> | undefined, name: string, otherwise = ''): string {
  const value = of?.[name];
  return typeof value === 'string' ? value : otherwise;
}
