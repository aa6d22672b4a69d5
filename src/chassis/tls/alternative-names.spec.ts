import { expect, test } from 'vitest';
import { alternativeNames } from './alternative-names.js';

test('names are read by their type', () => {
  expect(alternativeNames('DNS:a.example, URI:spiffe://example.org/a, IP Address:10.0.0.1')).toEqual([
    { type: 'DNS', value: 'a.example' },
    { type: 'URI', value: 'spiffe://example.org/a' },
    { type: 'IP Address', value: '10.0.0.1' },
  ]);
  expect(alternativeNames(undefined)).toEqual([]);
});

test('a value that looks like two names is one', () => {
  expect(alternativeNames(String.raw`URI:"spiffe://x, DNS:\"b.example", DNS:a.example`)).toEqual([
    { type: 'URI', value: 'spiffe://x, DNS:"b.example' },
    { type: 'DNS', value: 'a.example' },
  ]);
});

test.each(['DNS:a.example, nothing', 'DNS:a.example,DNS:b.example', 'DNS:"a', 'DNS:a"b"'])(
  '%j yields no name at all',
  (text) => {
    expect(alternativeNames(text)).toEqual([]);
  },
);
