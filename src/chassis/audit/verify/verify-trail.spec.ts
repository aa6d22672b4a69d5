import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createSeal, extendChain, GENESIS } from '../chain.js';
import { TrailVerification, type VerifyReport } from './verify-trail.js';

const KEY = Buffer.alloc(32, 7);
const folder = mkdtempSync(join(tmpdir(), 'verify-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
});

const NAMES = ['audit-1-000000000000001.jsonl', 'audit-1-000000000000005.jsonl'] as const;

/** Eight entries in two files. */
function writeTrail(key?: Buffer): { lines: readonly string[]; last: string } {
  const bodies = Array.from({ length: 8 }, (_, index) =>
    JSON.stringify({ action: 'a.b', target: `ö-${index}` }),
  );
  const { lines, end } = extendChain({ seq: 0, hash: GENESIS }, bodies, createSeal(key));
  write(lines);
  return { lines, last: end.hash };
}

function write(lines: readonly string[]): void {
  writeFileSync(
    join(folder, NAMES[0]),
    lines
      .slice(0, 4)
      .map((line) => `${line}\n`)
      .join(''),
  );
  writeFileSync(
    join(folder, NAMES[1]),
    lines
      .slice(4)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

async function verify(
  options: { key?: Buffer; expected?: string[]; since?: string } = {},
): Promise<VerifyReport> {
  const { key, ...rest } = options;
  const verification = new TrailVerification({ seals: [createSeal(key)], ...rest });
  await verification.files(folder);
  return verification.report();
}

const kinds = async (options = {}): Promise<string[]> =>
  (await verify(options)).faults.map(({ kind, place, line }) => `${kind} ${place.slice(-10, -6)}:${line}`);

describe('a trail as it was written', () => {
  test('is intact, across files, and says where it ends', async () => {
    const { last } = writeTrail();
    expect(await verify({ expected: [last] })).toMatchObject({
      isIntact: true,
      entries: 8,
      chains: [{ chain: 'file-1', seq: 8, hash: last }],
    });
  });

  test('is intact with its key and not with another or none', async () => {
    writeTrail(KEY);
    expect((await verify({ key: KEY })).isIntact).toBe(true);
    expect((await verify({ key: Buffer.alloc(32, 8) })).faultCount).toBe(8);
    expect((await verify()).faultCount).toBe(8);
  });

  test('goes on after files that were archived, when their last hash is told', async () => {
    const { lines } = writeTrail();
    rmSync(join(folder, NAMES[0]));
    const archived = /"hash":"(\w+)"\}$/.exec(lines[3] ?? '')?.[1] ?? '';
    expect((await verify({ since: archived })).isIntact).toBe(true);
    expect(await kinds({ since: GENESIS })).toEqual(['replaced 0005:1']);
    expect(await kinds()).toEqual(['removed 0005:1']);
  });
});

describe('what is found, and where', () => {
  test.each([
    [
      'a changed entry',
      (lines: string[]) => lines.with(2, lines[2]?.replace('ö-2', 'ö-3') ?? ''),
      ['changed 0001:3'],
    ],
    ['a removed entry', (lines: string[]) => lines.toSpliced(2, 1), ['removed 0001:3']],
    [
      'an entry that comes twice',
      (lines: string[]) => lines.toSpliced(2, 0, lines[1] ?? ''),
      ['reordered 0001:3'],
    ],
    [
      'two entries that changed places',
      (lines: string[]) => [lines[0], lines[2], lines[1], ...lines.slice(3)] as string[],
      ['removed 0001:2', 'reordered 0001:3', 'removed 0001:4'],
    ],
    ['a line that is no entry', (lines: string[]) => lines.with(1, '{}'), ['changed 0001:2']],
  ] as const)('%s', async (_name, change, expected) => {
    const { lines } = writeTrail();
    const changed = change([...lines]);
    writeFileSync(
      join(folder, NAMES[0]),
      changed
        .slice(0, changed.length - 4)
        .map((line) => `${line}\n`)
        .join(''),
    );
    expect(await kinds()).toEqual(expected);
  });

  test('an entry that was made anew with all that follow, by an anchor', async () => {
    const { last } = writeTrail();
    const bodies = Array.from({ length: 8 }, () => JSON.stringify({ action: 'a.forged' }));
    write(extendChain({ seq: 0, hash: GENESIS }, bodies, createSeal()).lines);
    expect((await verify()).isIntact).toBe(true);
    expect((await verify({ expected: [last] })).faults).toMatchObject([{ kind: 'cut-off' }]);
  });

  test('an entry of another chain in place of one', async () => {
    const { lines } = writeTrail();
    const other = extendChain({ seq: 2, hash: GENESIS }, ['{"action":"a.b"}'], createSeal()).lines[0] ?? '';
    write(lines.with(2, other));
    expect(await kinds()).toEqual(['replaced 0001:3', 'replaced 0001:4']);
  });

  test('a file that is missing', async () => {
    writeTrail();
    rmSync(join(folder, NAMES[1]));
    expect((await verify()).isIntact).toBe(true);
    const { last } = writeTrail();
    rmSync(join(folder, NAMES[1]));
    expect((await verify({ expected: [last] })).faults).toMatchObject([{ kind: 'cut-off' }]);
  });

  test('part of a line at the end', async () => {
    const { lines } = writeTrail();
    writeFileSync(join(folder, NAMES[1]), lines.slice(4).join('\n'));
    expect(await kinds()).toEqual(['incomplete 0005:4']);
  });
});

test('no single byte can be changed, removed or added unseen', async () => {
  const { last } = writeTrail();
  const originals = NAMES.map((name) => readFileSync(join(folder, name)));
  const change = fc.record({
    file: fc.nat({ max: 1 }),
    at: fc.nat({ max: 10_000 }),
    how: fc.constantFrom('change', 'remove', 'add'),
    byte: fc.nat({ max: 255 }),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ file, at, how, byte }) => {
      const original = originals[file] as Buffer;
      const index = at % original.length;
      fc.pre(how !== 'change' || original[index] !== byte);
      const put = how === 'remove' ? [] : [byte];
      const after = how === 'add' ? index : index + 1;
      const changed = Buffer.concat([
        original.subarray(0, index),
        Buffer.from(put),
        original.subarray(after),
      ]);
      writeFileSync(join(folder, NAMES[file as 0 | 1]), changed);
      const { isIntact } = await verify({ expected: [last] });
      writeFileSync(join(folder, NAMES[file as 0 | 1]), original);
      // A byte put beside an equal one, or an equal run made shorter, may give the same text again.
      expect(isIntact).toBe(changed.equals(original));
    }),
    { numRuns: 300 },
  );
});
