import type { Change } from './change.ts';
import type { OpenApi, Schema } from './open-api.ts';
import {
  answerPairs,
  bodyPairs,
  parameterPairs,
  sharedOperations,
  within,
  type Pair,
} from './schema-pairs.ts';

/**
 * Values of another kind that oasdiff takes for ones that include the former: every type of a parameter becomes any text,
 * though not every number is a UUID, and a date a time.
 */
export function otherKinds(base: OpenApi, revision: OpenApi): Change[] {
  return sharedOperations(base, revision).flatMap((operation) => {
    const inside = (pairs: readonly Pair[]) => {
      const seen = new Set<string>();
      return pairs.flatMap((pair) => within(pair, [base, revision], seen));
    };
    const parameters = parameterPairs(operation);
    const own = parameters.flatMap((pair) => within(pair, [base, revision], new Set()).slice(0, 1));
    const found = [
      ...own.filter(({ before, after }) => isOtherText(before, after)),
      ...inside([...parameters, ...bodyPairs(operation)]).filter(({ before, after }) =>
        isTimeOfDate(before, after),
      ),
      ...inside(answerPairs(operation)).filter(({ before, after }) => isTimeOfDate(after, before)),
    ];
    return found.map(({ place, before, after }) => ({
      text: `${operation.name}: ${place}: ${kindOf(before)} became ${kindOf(after)}`,
      isBreaking: true,
    }));
  });
}

/** Whether a parameter is now a text that the former one need not be. */
function isOtherText(before: Schema, after: Schema): boolean {
  if (after.type !== 'string') return false;
  if (after.const !== undefined) return before.enum === undefined && before.const !== after.const;
  if (before.type === 'array' || before.type === 'object') return true;
  return before.type !== 'string' && after.format !== undefined;
}

function isTimeOfDate(before: Schema, after: Schema): boolean {
  return before.format === 'date' && after.format === 'date-time';
}

function kindOf({ const: only, format, type }: Schema): string {
  if (only !== undefined) return JSON.stringify(only);
  return format ?? (type === undefined ? 'anything' : String(type));
}
