const SECONDS = /^\d{1,9}$/;

/**
 * Milliseconds of a `Retry-After` header, in seconds or as a date; `undefined` when it is absent or malformed.
 * Source: RFC 9110, 10.2.3
 */
export function parseRetryAfter(header: string | string[] | undefined, nowMs: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (SECONDS.test(header)) return Number(header) * 1000;
  // Alone `Date.parse` takes nearly anything for a date: "-1" is a month.
  const date = header.endsWith(' GMT') ? Date.parse(header) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
