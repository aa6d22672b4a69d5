import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamTable } from './stream-table.js';

const ids = fc.integer({ min: 0, max: 2000 }).map((number) => number * 2 + 1);
const steps = fc.array(fc.tuple(fc.constantFrom('set', 'set', 'delete'), ids), { maxLength: 3000 });

test('does what a Map does, whatever comes and goes', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const table = new StreamTable<number>();
      const map = new Map<number, number>();
      for (const [step, [action, id]] of all.entries()) {
        if (action === 'set') {
          table.set(id, step);
          map.set(id, step);
        } else expect(table.delete(id)).toBe(map.delete(id));
        expect(table.size).toBe(map.size);
      }
      const seen = new Map<number, number>();
      table.forEach((stream, id) => seen.set(id, stream));
      expect(new Map([...seen].toSorted())).toEqual(new Map([...map].toSorted()));
      for (const [, id] of all) expect(table.get(id)).toBe(map.get(id));
    }),
    { numRuns: 200 },
  );
});

test('visits those that were there when it began, whatever the visits delete', () => {
  const table = new StreamTable<string>();
  for (let id = 1; id < 600; id += 2) table.set(id, `stream ${id}`);
  const seen: string[] = [];
  table.forEach((stream, id) => {
    seen.push(stream);
    table.delete(id);
  });
  expect([seen.length, table.size]).toEqual([300, 0]);
});
