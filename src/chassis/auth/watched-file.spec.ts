import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ApiKeysFile } from './grants.schema.js';
import { WatchedFile } from './watched-file.js';

const folder = mkdtempSync(join(tmpdir(), 'watched-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

const KEYS = Array.from({ length: 20 }, (_, index) => ({
  id: `key${String(index).padStart(8, '0')}`,
  owner: `owner-${index}`,
  sha256: '0123456789abcdef'.repeat(4),
  scopes: ['orders:read'],
}));

function open(text: string) {
  const path = join(folder, 'keys');
  writeFileSync(path, text);
  const onReloaded = () => undefined;
  return new WatchedFile({ key: 'AUTH_API_KEYS_FILE', path, schema: ApiKeysFile, pollMs: 1000, onReloaded });
}

test('JSON, which is read without the slow parser of YAML, says the same', () => {
  const { keys } = open(JSON.stringify({ keys: KEYS }, null, 2)).content;
  expect(keys).toHaveLength(KEYS.length);
  expect(keys).toEqual(open(stringify({ keys: KEYS })).content.keys);
});

test('a name twice in one object is refused in JSON, too', () => {
  expect(() => open('{"keys": [], "keys": []}')).toThrow(
    'The file of AUTH_API_KEYS_FILE is not YAML (line 1: DUPLICATE_KEY)',
  );
});

test('a tag that nobody resolves is refused', () => {
  expect(() => open('keys: !vault []')).toThrow('is not YAML (line 1: TAG_RESOLVE_FAILED)');
});

test.each(['{"keys": [],}', '{keys: []}', '{"keys": []} # none', '\uFEFF{"keys": []}'])(
  '%j is YAML',
  (text) => {
    expect(open(text).content).toEqual({ keys: [] });
  },
);
