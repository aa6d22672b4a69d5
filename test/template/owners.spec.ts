import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OWNERS, ownerOf } from '../../scripts/template/owners.ts';
import { PROJECT } from '../support/build.js';

const UPGRADING = readFileSync(join(PROJECT, 'UPGRADING.md'), 'utf8');

test('UPGRADING.md says whose files are whose, as the upgrade has it', () => {
  const [, section = ''] = UPGRADING.split('## Whose files are whose');
  const [table = ''] = section.split('\n## ');
  const rows = [...table.matchAll(/^\| (chassis|yours|shared|made) +\|([^|]*)\|/gm)];
  const listed = rows.map(([, owner, cell = '']) => [
    owner,
    [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => path),
  ]);
  expect(Object.fromEntries(listed)).toEqual(OWNERS);
});

test.each([
  ['src/chassis/index.ts', 'chassis'],
  ['src/features/a/b.ts', 'yours'],
  ['proto/a/v1/a.proto', 'yours'],
  ['proto/google/rpc/status.proto', 'chassis'],
  ['docs/metrics.md', 'made'],
  ['docs/tls.md', 'chassis'],
  ['docker/Dockerfile', 'shared'],
  // The generator of clients names foreign protos in it.
  ['buf.yaml', 'shared'],
  ['docker/prometheus/prometheus.yml', 'chassis'],
  ['documents/x.md', 'yours'],
  ['package.json', 'shared'],
])('%s is of %s', (path, owner) => {
  expect(ownerOf(path)).toBe(owner);
});

test('every file of the project has its owner', () => {
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: PROJECT, encoding: 'utf8' }).split('\0');
  const listed = Object.values(OWNERS).flat();
  expect(files.filter((file) => file && !listed.some((path) => within(file, path)))).toEqual([]);
});

function within(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}/`);
}
