import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpStatusOf, type Code } from '#chassis/errors';

const PROJECT = resolve(import.meta.dirname, '../..');
const REASON = /reason: '([A-Z_]+)'|tooLarge\('([A-Z_]+)'/g;
const COMPLETE = /code: '([A-Z_]+)',\s*reason: '([A-Z_]+)',(?:\s*httpStatus: (\d+))?/g;
const ROW = /^\| `([A-Z_]+)` +\| `([A-Z_]+)` +\| (\d+|–) +\|/gm;

const features = join(PROJECT, 'src/features');
const names = existsSync(features) ? readdirSync(features) : [];
const lists = [
  { list: 'docs/errors.md', owner: 'src/chassis' },
  ...names.map((name) => ({ list: `src/features/${name}/errors.md`, owner: `src/features/${name}` })),
];

describe.each(lists)('$list', ({ list, owner }) => {
  const file = join(PROJECT, list);
  const documented = existsSync(file) ? [...readFileSync(file, 'utf8').matchAll(ROW)] : [];
  const code = sourceOf(join(PROJECT, owner));

  test('lists every reason of the code, each once', () => {
    const inCode = new Set([...code.matchAll(REASON)].map(([, plain, large]) => plain ?? large));
    expect(documented.map(([, reason]) => reason).toSorted()).toEqual([...inCode].toSorted());
  });

  test('gives each its code and its HTTP status', () => {
    const rows = new Map(
      documented.map(([, reason, canonical, status]) => [reason, `${canonical} ${status}`]),
    );
    const answers = Map.groupBy(code.matchAll(COMPLETE), ([, , reason]) => reason);
    for (const [reason, faults] of answers) {
      const allowed = faults.flatMap(([, canonical, , status]) => [
        `${canonical} ${status ?? httpStatusOf(canonical as Code)}`,
        `${canonical} –`,
      ]);
      expect(allowed, reason).toContain(rows.get(reason));
    }
  });
});

function sourceOf(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
}
