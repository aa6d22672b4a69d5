/** One alternative name of a certificate, such as `DNS`, `api.example.org`. */
export interface AlternativeName {
  readonly type: string;
  readonly value: string;
}

/** A value that could be mistaken for more than one name is a JSON string (CVE-2021-44532). */
const NAME = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/**
 * What Node writes as `DNS:a.example, URI:"spiffe://x, DNS:b.example"`. Text that does not read on from its begin to
 * its end yields no name at all.
 */
export function alternativeNames(text = ''): AlternativeName[] {
  const names: AlternativeName[] = [];
  const pattern = new RegExp(NAME);
  while (pattern.lastIndex < text.length) {
    const [, type, value] = pattern.exec(text) ?? [];
    if (type === undefined || value === undefined) return [];
    names.push({ type, value: value.startsWith('"') ? (JSON.parse(value) as string) : value });
  }
  return names;
}
