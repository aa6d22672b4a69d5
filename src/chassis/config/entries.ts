import { z } from 'zod';

/** Tells what is wrong with a field. */
export type Refuse = (field: string, message: string) => void;

/**
 * A list of entries; without it there are none. It comes as it is, or as JSON: the environment holds text.
 * @param what they are called, such as `policies`
 * @param check finds what fields do not tell by themselves; `former` are the entries before it
 */
export function entries<T extends z.ZodType>(
  what: string,
  entry: T,
  check: (entry: z.output<T>, refuse: Refuse, former: readonly z.output<T>[]) => void = () => undefined,
) {
  const list = z
    .array(entry, { error: `must be a list of ${what}; in the environment, as JSON` })
    .superRefine((all, context) => {
      for (const [index, each] of all.entries())
        check(
          each,
          (field, message) => context.addIssue({ code: 'custom', path: [index, field], message }),
          all.slice(0, index),
        );
    });
  return z.preprocess(fromText, list).default([]);
}

/** What is no JSON stays, and is refused. */
function fromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
