import { faultSchema, type Fault } from '../config/index.js';
import { validate } from '../pipeline/index.js';

/**
 * A fault as an operator sends it: it has an end, within the longest time.
 * @throws {ServiceError} VALIDATION_FAILED with everything that is wrong
 */
export function readNewFault(body: unknown, maxDurationMs: number): Fault {
  const schema = faultSchema([
    {
      path: 'durationMs',
      error: 'must be there, or until: a fault that is set by hand has an end',
      holds: ({ durationMs, until }) => (durationMs ?? until) !== undefined,
    },
    {
      path: 'durationMs',
      error: `must be ${maxDurationMs} at most, the value of CHAOS_MAX_DURATION_MS`,
      holds: ({ durationMs }) => typeof durationMs !== 'number' || durationMs <= maxDurationMs,
    },
    {
      path: 'until',
      error: `must be in the future, by ${maxDurationMs} ms at most, the value of CHAOS_MAX_DURATION_MS`,
      holds: ({ until }) => typeof until !== 'string' || !isOutside(Date.parse(until), maxDurationMs),
    },
  ]);
  return validate(schema, body);
}

/** What is no time is told by its own rule. */
function isOutside(time: number, maxDurationMs: number): boolean {
  const leftMs = time - Date.now();
  return leftMs <= 0 || leftMs > maxDurationMs;
}
