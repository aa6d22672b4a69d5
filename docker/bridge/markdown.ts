/** A text on one line without control characters, cut to `limit` characters. */
export function oneLine(text: string, limit: number): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  if (line.length <= limit) return line.toWellFormed();
  // The cut may have left half of a character.
  const start = line.slice(0, limit - 1).replace(/\p{Surrogate}$/u, '');
  return `${start.trimEnd()}…`.toWellFormed();
}

/** The same, with nothing in it that markdown would take for a link, an image, emphasis, code or HTML. */
export function plain(text: string, limit: number): string {
  return oneLine(text, limit).replaceAll(/[\\`*[\]<~]/g, String.raw`\$&`);
}

/** A link; undefined where the address is missing or leads nowhere on the web. */
export function link(title: string, address: string | undefined): string | undefined {
  if (address === undefined || address.length > 1000 || !URL.canParse(address)) return undefined;
  const { protocol, href } = new URL(address);
  if (protocol !== 'https:' && protocol !== 'http:') return undefined;
  return `[${title}](${href.replaceAll('(', '%28').replaceAll(')', '%29')})`;
}
