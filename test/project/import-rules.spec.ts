import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const PROJECT = resolve(import.meta.dirname, '../..');

/** Files that break a rule, one rule each: path, import, rule. */
const VIOLATIONS = [
  ['src/chassis/errors/v.ts', '../context/index.js', 'layer-of-errors'],
  ['src/chassis/context/v.ts', '../config/index.js', 'layer-of-context'],
  ['src/chassis/config/v.ts', '../streams/index.js', 'layer-of-config'],
  ['src/chassis/metrics/v.ts', '../lifecycle/index.js', 'layer-of-metrics'],
  ['src/chassis/logging/v.ts', '../tracing/index.js', 'layer-of-logging'],
  ['src/chassis/health/v.ts', '../database/index.js', 'layer-of-health'],
  ['src/chassis/database/v.ts', '../http/index.js', 'layer-of-database'],
  ['src/chassis/grpc/v.ts', '../http/index.js', 'layer-of-grpc'],
  ['src/chassis/http/v.ts', '../management/index.js', 'layer-of-http'],
  ['src/chassis/workers/w.ts', '../management/index.js', 'layer-of-workers'],
  ['src/chassis/tracing/v.ts', '../grpc/index.js', 'layer-of-tracing'],
  ['src/chassis/management/v.ts', '../start-service.js', 'layer-of-management'],
  ['src/chassis/lifecycle/v.ts', '../start-service.js', 'layer-of-lifecycle'],
  ['src/chassis/workers/v.ts', '../health/index.js', 'primary-stays-small'],
  ['src/chassis/v.ts', './novelty/index.js', 'capability-without-layer'],
  ['src/chassis/w.ts', '../features/two/two.service.js', 'chassis-knows-no-feature'],
  ['src/chassis/pipeline/w.ts', '#chassis/errors', 'chassis-imports-relative'],
  ['src/chassis/pipeline/x.ts', '../errors/code.js', 'stop-at-the-face'],
  ['src/chassis/x.ts', './errors/code.js', 'stop-at-the-face-from-outside'],
  ['src/features/one/v.ts', '../../chassis/errors/index.js', 'features-use-the-alias'],
  ['src/features/one/w.ts', '../two/two.service.js', 'features-know-only-faces-of-each-other'],
  ['src/generated/v.ts', '../chassis/errors/index.js', 'generated-is-a-leaf'],
  ['src/features/one/x.ts', '../../../test/support/index.js', 'source-knows-no-test'],
  ['src/features/one/y.ts', './z.js', 'no-cycle'],
  ['src/features/one/q.ts', './nowhere.js', 'not-found'],
  ['src/features/one/s.ts', 'pg-pool', 'not-declared'],
  ['src/features/one/r.ts', 'fast-check', 'no-dev-dependency-in-production'],
] as const;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'import-rules-'));
  for (const name of ['src', 'test/support', 'package.json', 'tsconfig.json', '.dependency-cruiser.js'])
    cpSync(join(PROJECT, name), join(folder, name), { recursive: true });
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the sources as they are keep every rule', () => {
  expect(cruise()).toEqual([]);
});

test('a file that breaks a rule is found, with the rule', () => {
  write('src/chassis/novelty/index.ts', 'export const novelty = 1;');
  write('src/features/one/z.ts', "export * as y from './y.js';");
  write('src/features/two/two.service.ts', "export * as two from '#chassis/errors';");
  write('src/features/one/orphan.ts', 'export const orphan = 1;');
  for (const [path, imported] of VIOLATIONS) write(path, `export * as v from '${imported}';`);
  const expected = VIOLATIONS.map(([path, , rule]) => `${path} ${rule}`);
  expect(cruise()).toEqual(expect.arrayContaining([...expected, 'src/features/one/orphan.ts no-orphan']));
});

interface Cruise {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { name: string } }[];
  };
}

function cruise(): string[] {
  const program = join(PROJECT, 'node_modules/.bin/depcruise');
  const output = execFileSync(program, ['src', '-T', 'json'], { cwd: folder, maxBuffer: 2 ** 26 });
  const { summary } = JSON.parse(output.toString()) as Cruise;
  return summary.violations.map(({ from, rule }) => `${from} ${rule.name}`);
}

function write(path: string, text: string): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${text}\n`);
}
