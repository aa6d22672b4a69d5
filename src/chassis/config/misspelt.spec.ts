import { expect, test } from 'vitest';
import { meantBy } from './misspelt.js';

const KNOWN = new Set(['HTTP_PORT', 'GRPC_PORT', 'TLS_CERT_FILE', 'LOG_LEVEL', 'LOG_LEVELS', 'HOST']);

test.each([
  ['HTTP_PROT', 'HTTP_PORT'],
  ['HTP_PRT', 'HTTP_PORT'],
  ['LOG_LVEL', 'LOG_LEVEL'],
  ['TLS_CERTFILES', 'TLS_CERT_FILE'],
])('%s was meant to be %s', (name, key) => {
  expect(meantBy(name, KNOWN)).toBe(key);
});

test.each(['LOG_LEVEL', 'HTTP_PROXY', 'SSL_CERT_FILE', 'HOSTS', 'PORT', ''])('%j was not', (name) => {
  expect(meantBy(name, KNOWN)).toBeUndefined();
});
