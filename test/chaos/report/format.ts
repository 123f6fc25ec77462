export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** Text that is no markup. */
export const asText = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
