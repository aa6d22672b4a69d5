/**
 * Why something failed, in words for a line of the log. `fetch` says only that it failed, its cause says why; a host
 * with several addresses has a fault for each, and no message of its own.
 */
export function whyOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(whyOf).join(', ');
  if (!(error instanceof Error)) return String(error);
  return error.message === 'fetch failed' && error.cause instanceof Error
    ? whyOf(error.cause)
    : error.message;
}
