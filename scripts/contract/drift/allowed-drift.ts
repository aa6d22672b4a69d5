import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../user-error.ts';

const AllowedDrifts = z.array(
  z.strictObject({
    operation: z.string().min(1),
    field: z.string().min(1).optional(),
    reason: z.string().trim().min(10, 'say why in a sentence'),
  }),
);

/** A difference that is meant, from a feature's `drift.json`. */
export interface AllowedDrift {
  readonly file: string;
  readonly operation: string;
  /** As the report names it; without it the operation is meant to be on one transport only. */
  readonly field?: string | undefined;
  readonly reason: string;
}

/**
 * The differences that features mean: `src/features/<name>/drift.json`.
 * @throws UserError when such a file cannot be read
 */
export function readAllowedDrift(root: string): AllowedDrift[] {
  const files = globSync('src/features/*/drift.json', { cwd: root }).toSorted();
  return files.flatMap((file) => {
    const result = AllowedDrifts.safeParse(parse(readFileSync(join(root, file), 'utf8'), file));
    if (result.success) return result.data.map((entry) => ({ file, ...entry }));
    const [{ path, message } = { path: [], message: '' }] = result.error.issues;
    throw new UserError(
      `${file}: ${path.join('.') || 'the file'}: ${message}. It is a list of { "operation", "field", "reason" }; see docs/contracts.md.`,
    );
  });
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}
