import {
  baggageEntryMetadataFromString,
  propagation,
  type Baggage,
  type BaggageEntry,
} from '@opentelemetry/api';

const MAX_BYTES = 8192;
const MAX_ENTRIES = 64;

/**
 * The entries of a `baggage` header; what is malformed is left out, an overlong header whole.
 * Source: https://www.w3.org/TR/baggage/
 */
export function parseBaggage(header: unknown): Baggage | undefined {
  if (typeof header !== 'string' || header === '' || header.length > MAX_BYTES) return undefined;
  const entries: Record<string, BaggageEntry> = {};
  for (const member of header.split(',').slice(0, MAX_ENTRIES)) {
    const [pair = '', ...properties] = member.split(';');
    const equals = pair.indexOf('=');
    const key = pair.slice(0, equals).trim();
    const value = decode(pair.slice(equals + 1).trim());
    if (equals < 1 || key === '' || value === undefined) continue;
    const metadata = properties.join(';').trim();
    entries[key] = { value, ...(metadata && { metadata: baggageEntryMetadataFromString(metadata) }) };
  }
  return Object.keys(entries).length > 0 ? propagation.createBaggage(entries) : undefined;
}

/** The header for the callee; entries that no longer fit are left out. */
export function formatBaggage(baggage: Baggage): string {
  let header = '';
  for (const [key, { value, metadata }] of baggage.getAllEntries().slice(0, MAX_ENTRIES)) {
    const member = `${key}=${encodeURIComponent(value)}${metadata ? `;${metadata.toString()}` : ''}`;
    if (header.length + member.length < MAX_BYTES) header += header === '' ? member : `,${member}`;
  }
  return header;
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    // Malformed percent-encoding: the entry is left out.
    return undefined;
  }
}
