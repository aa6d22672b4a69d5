import type { Change } from './change.ts';
import type { OpenApi, Schema } from './open-api.ts';
import { bodyPairs, parameterPairs, sharedOperations, within, type Pair } from './schema-pairs.ts';

/** Whether a limit refuses what it, or its absence, let pass. */
const IS_TIGHTER = {
  maxItems: (before, after) => isLower(before.maxItems, after.maxItems),
  maxProperties: (before, after) => isLower(before.maxProperties, after.maxProperties),
  minProperties: (before, after) => (after.minProperties ?? 0) > (before.minProperties ?? 0),
  uniqueItems: (before, after) => after.uniqueItems === true && before.uniqueItems !== true,
  multipleOf: (before, after) => isCoarser(before.multipleOf, after.multipleOf),
  additionalProperties: (before, after) =>
    after.additionalProperties === false && before.additionalProperties !== false,
} satisfies { readonly [Limit in keyof Schema]: (before: Schema, after: Schema) => boolean };

/** Limits of requests that became tighter and for which oasdiff has no rule. */
export function tightenedLimits(base: OpenApi, revision: OpenApi): Change[] {
  return sharedOperations(base, revision).flatMap((operation) => {
    const seen = new Set<string>();
    const values = [...parameterPairs(operation).map(withoutTold), ...bodyPairs(operation)];
    return values
      .flatMap((pair) => within(pair, [base, revision], seen))
      .flatMap(tightenedIn)
      .map((text) => ({ text: `${operation.name}: ${text}`, isBreaking: true }));
  });
}

/** That a parameter's own maxItems is lower is what oasdiff does tell; not that there is one. */
function withoutTold(pair: Pair): Pair {
  if (pair.before.maxItems === undefined) return pair;
  const { maxItems: _told, ...after } = pair.after;
  return { ...pair, after };
}

function tightenedIn({ place, before, after }: Pair): string[] {
  return (Object.keys(IS_TIGHTER) as (keyof typeof IS_TIGHTER)[])
    .filter((limit) => IS_TIGHTER[limit](before, after))
    .map((limit) => {
      const old = JSON.stringify(before[limit]) ?? 'unset';
      return `${place}: ${limit} ${old} became ${JSON.stringify(after[limit])}`;
    });
}

function isLower(before: number | undefined, after: number | undefined): boolean {
  return after !== undefined && after < (before ?? Infinity);
}

function isCoarser(before: number | undefined, after: number | undefined): boolean {
  if (after === undefined) return false;
  if (before === undefined) return true;
  const times = before / after;
  // Binary fractions make 2.9999999999999996 of 0.3 / 0.1.
  return Math.abs(times - Math.round(times)) > 1e-9;
}
