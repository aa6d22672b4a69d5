import { z } from 'zod';
import { validationFailed, type FieldViolation } from '../errors/index.js';

/** Faults told at once: enough to correct a form, too few to make the answer a burden. */
const MAX_VIOLATIONS = 20;

/**
 * What `schema` makes of `value`, synchronously.
 * @param prefix put before the path of each fault
 * @throws ServiceError VALIDATION_FAILED with every fault, 20 at most
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  prefix?: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw validationFailed(
    result.error.issues.slice(0, MAX_VIOLATIONS).map((issue): FieldViolation => {
      const path = prefix === undefined ? issue.path : [prefix, ...issue.path];
      return { path: path.map(String).join('.'), message: issue.message };
    }),
  );
}
