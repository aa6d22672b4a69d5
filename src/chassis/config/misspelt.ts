/** Shorter names are near to too many others. */
const MIN_LENGTH = 7;
const MAX_EDITS = 2;

/**
 * The known key that a name was most likely meant to be: it begins with the same letter and is two edits away at most.
 * @returns `undefined` when there is none, or the name is itself known
 */
export function meantBy(name: string, known: ReadonlySet<string>): string | undefined {
  if (name.length < MIN_LENGTH || known.has(name)) return undefined;
  let nearest: string | undefined;
  let fewest = MAX_EDITS + 1;
  for (const key of known) {
    if (key[0] !== name[0] || Math.abs(key.length - name.length) > MAX_EDITS) continue;
    const edits = editsBetween(name, key);
    if (edits >= fewest) continue;
    nearest = key;
    fewest = edits;
  }
  return nearest;
}

/**
 * Optimal string alignment: letters put in, left out, replaced, or swapped with their neighbour. Looks no further
 * than `MAX_EDITS` to either side, and stops where a letter needs more: most names have nothing in common.
 * @returns more than `MAX_EDITS`, not how many more, for such names
 */
function editsBetween(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, place) => place);
  for (let i = 1; i <= one.length; i++) {
    const row: number[] = i <= MAX_EDITS ? [i] : [];
    const end = Math.min(other.length, i + MAX_EDITS);
    let least = row[0] ?? Infinity;
    for (let j = Math.max(1, i - MAX_EDITS); j <= end; j++) {
      const isSame = one[i - 1] === other[j - 1];
      const isSwap = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const edits = Math.min(
        (last[j] ?? Infinity) + 1,
        (row[j - 1] ?? Infinity) + 1,
        (last[j - 1] ?? Infinity) + (isSame ? 0 : 1),
        isSwap ? (beforeLast[j - 2] ?? Infinity) + 1 : Infinity,
      );
      row[j] = edits;
      least = Math.min(least, edits);
    }
    if (least > MAX_EDITS) return Infinity;
    beforeLast = last;
    last = row;
  }
  return last[other.length] ?? Infinity;
}
