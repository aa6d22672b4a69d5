import {
  baggageEntryMetadataFromString,
  propagation,
  type Baggage,
  type BaggageEntry,
} from '@opentelemetry/api';

const MAX_BYTES = 8192;
const MAX_ENTRIES = 64;
/** Source: RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What a header of both transports may have. */
const PROPERTIES = /^[ -~]*$/;

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
    const metadata = properties.join(';').replaceAll('\t', ' ').trim();
    if (equals < 1 || value === undefined || !TOKEN.test(key) || !PROPERTIES.test(metadata)) continue;
    entries[key] = { value, ...(metadata && { metadata: baggageEntryMetadataFromString(metadata) }) };
  }
  return Object.keys(entries).length > 0 ? propagation.createBaggage(entries) : undefined;
}

/** The header for the callee; entries that no longer fit, or that no header may have, are left out. */
export function formatBaggage(baggage: Baggage): string {
  let header = '';
  for (const [key, { value, metadata }] of baggage.getAllEntries().slice(0, MAX_ENTRIES)) {
    const properties = metadata?.toString() ?? '';
    if (!TOKEN.test(key) || !PROPERTIES.test(properties)) continue;
    const member = `${key}=${encodeURIComponent(value.toWellFormed())}${properties && `;${properties}`}`;
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
