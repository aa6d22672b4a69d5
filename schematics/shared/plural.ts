import pluralize from 'pluralize';

/** The words for several: only the last one changes, `invoice item` is `invoice items`. */
export function pluralOf(words: readonly string[]): string[] {
  return [...words.slice(0, -1), pluralize.plural(words.at(-1) ?? '')];
}

/** The words for one. */
export function singularOf(words: readonly string[]): string[] {
  const last = words.at(-1) ?? '';
  // Of `s` the rules leave nothing.
  return [...words.slice(0, -1), pluralize.singular(last) || last];
}
