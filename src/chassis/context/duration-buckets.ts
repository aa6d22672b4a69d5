/**
 * Upper bounds of the duration histograms, in seconds.
 * Source: OpenTelemetry semantic conventions, "http.server.request.duration", ExplicitBucketBoundaries.
 */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

const NAMES = DURATION_BUCKETS_SECONDS.map(nameBucket);

/** An upper bound as the label `le` has it, in OpenMetrics' canonical form: `0.005`, `1.0`, `+Inf`. */
export function nameBucket(upperBound: number): string {
  if (upperBound === Infinity) return '+Inf';
  return Number.isInteger(upperBound) ? upperBound.toFixed(1) : String(upperBound);
}

/** The bucket that a duration counts in, named by its upper bound in seconds as the label `le` has it. */
export function durationBucketOf(seconds: number): string {
  for (let index = 0; index < NAMES.length; index++) {
    if (seconds <= (DURATION_BUCKETS_SECONDS[index] ?? Infinity)) return NAMES[index] ?? '+Inf';
  }
  return '+Inf';
}
