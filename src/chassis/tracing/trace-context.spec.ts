import { baggageEntryMetadataFromString, propagation } from '@opentelemetry/api';
import { expect, test } from 'vitest';
import { formatBaggage, parseBaggage } from './baggage.js';
import { formatTraceparent, parseTraceparent } from './trace-context.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';

test('a traceparent leads to its span and back', () => {
  const context = parseTraceparent(`00-${TRACE_ID}-${SPAN_ID}-01`, 'vendor=1');
  expect(context).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1, isRemote: true });
  expect(context?.traceState?.get('vendor')).toBe('1');
  expect(context && formatTraceparent(context)).toBe(`00-${TRACE_ID}-${SPAN_ID}-01`);
});

test('a later version is read as far as it is known', () => {
  expect(parseTraceparent(`cc-${TRACE_ID}-${SPAN_ID}-01-what-the-future-brings`)?.traceId).toBe(TRACE_ID);
});

test.each([
  undefined,
  '',
  'nonsense',
  `ff-${TRACE_ID}-${SPAN_ID}-01`,
  `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
  `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
  `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
  `00-${TRACE_ID}-${SPAN_ID}-01-more`,
  `00-${TRACE_ID}-${SPAN_ID}`,
  [`00-${TRACE_ID}-${SPAN_ID}-01`],
])('%j is no traceparent', (header) => {
  expect(parseTraceparent(header)).toBeUndefined();
});

test('baggage of the application that no header may have is left out', () => {
  const baggage = propagation.createBaggage({
    'k\u00e9': { value: '1' },
    odd: { value: '1', metadata: baggageEntryMetadataFromString('p=\u00e9') },
    half: { value: '\ud800' },
    good: { value: '1', metadata: baggageEntryMetadataFromString('p=1') },
  });
  expect(formatBaggage(baggage)).toBe('half=%EF%BF%BD,good=1;p=1');
});

test('baggage is read and written, malformed entries left out', () => {
  const baggage = parseBaggage('tenant=a%20b;secret=no, empty=, =x, bad=%ZZ,user=ü');
  expect(baggage?.getAllEntries().map(([key, { value }]) => [key, value])).toEqual([
    ['tenant', 'a b'],
    ['empty', ''],
    ['user', 'ü'],
  ]);
  expect(baggage && formatBaggage(baggage)).toBe('tenant=a%20b;secret=no,empty=,user=%C3%BC');
});

test.each([undefined, '', ',,,', 'x'.repeat(9000)])('%j is no baggage', (header) => {
  expect(parseBaggage(header)).toBeUndefined();
});
