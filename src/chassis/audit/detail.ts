import { redactJson } from '../config/index.js';

const MAX_DEPTH = 8;
const MAX_MEMBERS = 200;

/**
 * Further facts of an entry as JSON: what the log would redact is redacted here too. More than `maxBytes` of it
 * is left out, and the entry tells how long it was.
 */
export function renderDetail(detail: Readonly<Record<string, unknown>>, maxBytes: number): string {
  const text = redactJson(JSON.stringify(copy(detail, 0)) ?? 'null');
  const bytes = Buffer.byteLength(text);
  return bytes <= maxBytes ? text : `{"leftOut":true,"bytes":${bytes}}`;
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth === MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((item) => copy(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_MEMBERS)
      .map(([key, item]) => [key, copy(item, depth + 1)]),
  );
}
