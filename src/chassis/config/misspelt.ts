/** Shorter names are near to too many others. */
const MIN_LENGTH = 7;
const MAX_EDITS = 2;

/**
 * The known key that a name was most likely meant to be: it begins with the same letter and is two edits away at most.
 * @returns `undefined` when there is none, or the name is itself known
 */
export function meantBy(name: string, known: ReadonlySet<string>): string | undefined {
  if (name.length < MIN_LENGTH || known.has(name)) return undefined;
  const near = [...known].filter(
    (key) => key[0] === name[0] && Math.abs(key.length - name.length) <= MAX_EDITS,
  );
  const [nearest] = near
    .map((key) => ({ key, edits: editsBetween(name, key) }))
    .filter(({ edits }) => edits <= MAX_EDITS)
    .toSorted((one, other) => one.edits - other.edits);
  return nearest?.key;
}

/** Optimal string alignment: letters put in, left out, replaced, or swapped with their neighbour. */
function editsBetween(one: string, other: string): number {
  const rows: number[][] = [];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Infinity;
  for (let i = 0; i <= one.length; i++) {
    const row: number[] = (rows[i] = []);
    for (let j = 0; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      const isSwap = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row[j] =
        i === 0 || j === 0
          ? i + j
          : Math.min(
              at(i - 1, j) + 1,
              at(i, j - 1) + 1,
              at(i - 1, j - 1) + (isSame ? 0 : 1),
              isSwap ? at(i - 2, j - 2) + 1 : Infinity,
            );
    }
  }
  return at(one.length, other.length);
}
