/** A string of JSON, with the colon that makes it a member's name. */
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/**
 * Parses a JSON object that names no member twice, at any depth. Parsers differ in which of two equal
 * names wins, and a token must not mean two things. Source: RFC 8725, section 2.4; RFC 7519, section 4.
 * @returns `undefined` for what is no such object
 */
export function parseUniqueJson(text: string): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON: the caller refuses it.
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return namesOnce(text, value) ? (value as Record<string, unknown>) : undefined;
}

/** Whether no object within names a member twice. @param value what the JSON `text` was parsed to */
export function namesOnce(text: string, value: unknown): boolean {
  let named = 0;
  for (const [, colon] of text.matchAll(STRING)) if (colon !== undefined) named += 1;
  return named === countMembers(value);
}

/** Members of all objects within. With a list of its own: nesting is the caller's choice. */
function countMembers(root: unknown): number {
  const waiting: unknown[] = [root];
  let count = 0;
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null) continue;
    const members: unknown[] = Object.values(value);
    if (!Array.isArray(value)) count += members.length;
    for (const member of members) waiting.push(member);
  }
  return count;
}
