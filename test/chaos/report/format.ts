export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** Text with its markup escaped. */
export const asText = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
