import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolder } from './make-folder.js';

const folder = mkdtempSync(join(tmpdir(), 'make-folder-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a folder is made with those above it; one that is there is fine', () => {
  const deep = join(folder, 'a', 'b', 'c');
  makeFolder(deep, 0o700);
  makeFolder(deep);
  expect(statSync(deep).mode & 0o777).toBe(0o700);
  symlinkSync('a', join(folder, 'link'));
  makeFolder(join(folder, 'link'));
  makeFolder(join(folder, 'link', 'd'));
  expect(statSync(join(folder, 'a', 'd')).isDirectory()).toBe(true);
});

test('what cannot be made is told, and not tried for ever', () => {
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('nowhere', join(folder, 'dangling'));
  expect(() => makeFolder(join(folder, 'file'))).toThrow('EEXIST');
  expect(() => makeFolder(join(folder, 'file', 'x', 'y'))).toThrow('ENOTDIR');
  expect(() => makeFolder(join(folder, 'dangling', 'x', 'y'))).toThrow('EEXIST');
});

test.runIf(process.platform === 'linux')('a folder of /proc takes none', () => {
  expect(() => makeFolder('/proc/none')).toThrow('ENOENT');
  expect(() => makeFolder('/proc/none/deep/er')).toThrow('ENOENT');
});
