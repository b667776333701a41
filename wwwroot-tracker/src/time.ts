/** ISO 8601, UTC, milliseconds. */
export const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
