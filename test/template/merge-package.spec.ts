import { describe, expect, test } from 'vitest';
import { mergeLock, mergePackage } from '../../scripts/template/merge-package.ts';

const base = { name: 'base', version: '1.0.0', scripts: {} };

test.each<[what: string, old: object, mine: object, other: object, merged: object, conflicts: string[]]>([
  ['only you changed', { a: '1' }, { a: '2' }, { a: '1' }, { a: '2' }, []],
  ['only the template changed', { a: '1' }, { a: '1' }, { a: '2' }, { a: '2' }, []],
  ['both changed it alike', { a: '1' }, { a: '2' }, { a: '2' }, { a: '2' }, []],
  ['both changed it differently', { a: '1' }, { a: '2' }, { a: '3' }, { a: '3' }, ['dependencies.a']],
  ['you added', {}, { a: '1' }, {}, { a: '1' }, []],
  ['the template added', {}, {}, { a: '1' }, { a: '1' }, []],
  ['both added differently', {}, { a: '1' }, { a: '2' }, { a: '2' }, ['dependencies.a']],
  ['you took out', { a: '1' }, {}, { a: '1' }, {}, []],
  ['you took out, the template changed', { a: '1' }, {}, { a: '2' }, {}, []],
  ['the template took out', { a: '1' }, { a: '1' }, {}, {}, []],
  ['the template took out, you changed', { a: '1' }, { a: '2' }, {}, { a: '2' }, ['dependencies.a']],
  ['sorted stays sorted', { b: '1' }, { b: '1', c: '1' }, { a: '1', b: '1' }, { a: '1', b: '1', c: '1' }, []],
])('%s', (_, old, mine, other, expected, conflicts) => {
  const result = mergePackage(
    { ...base, name: 'mine', dependencies: mine },
    { ...base, dependencies: old },
    { ...base, version: '2.0.0', dependencies: other },
  );
  expect(result.merged).toEqual({ ...base, name: 'mine', dependencies: expected });
  expect(Object.keys(result.merged['dependencies'] as object)).toEqual(Object.keys(expected));
  expect(result.conflicts.map(({ key }) => key)).toEqual(conflicts);
});

describe('package-lock.json', () => {
  const lockOf = (name: string, packages: object) => ({ name, packages: { '': { name }, ...packages } });
  const old = lockOf('base', { a: '1', b: '1', c: '1' });

  test('has the packages of the template, but for those that you changed', () => {
    const yours = lockOf('mine', { a: '1', b: '2', c: '1', d: '1' });
    const theirs = lockOf('base', { a: '2', b: '1', e: '1' });
    expect(mergeLock(yours, old, theirs)).toEqual(lockOf('mine', { a: '2', b: '2', d: '1', e: '1' }));
  });

  test('is left alone where the template changed no package', () => {
    expect(mergeLock(lockOf('mine', { a: '2' }), old, { ...old, version: '2.0.0' })).toBeUndefined();
  });
});
