import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createSeal } from './chain.js';
import { FileSink } from './file-sink.js';
import { TrailVerification } from './verify/verify-trail.js';

const folder = mkdtempSync(join(tmpdir(), 'sink-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
});

const OLDER = join(folder, 'audit-1-000000000000001.jsonl');
const NEWER = join(folder, 'audit-1-000000000000004.jsonl');

const createSink = (directory = folder): FileSink =>
  new FileSink({
    directory,
    seal: createSeal(),
    origin: { service: 'notes', version: '1', instance: 'one' },
    rotateBytes: 1024 * 1024,
    isSynced: false,
    onRotate: () => undefined,
  });

const batch = (...actions: string[]) => ({
  id: actions.join(),
  bodies: actions.map((action) => JSON.stringify({ action })),
});

/** The head of a file and two entries. */
async function writeTrail(): Promise<string> {
  const sink = createSink();
  await sink.open();
  await sink.write(batch('a', 'b'));
  await sink.close();
  return readFileSync(OLDER, 'utf8');
}

async function isIntact(): Promise<boolean> {
  const verification = new TrailVerification({ seals: [createSeal()] });
  await verification.files(folder);
  return verification.report().isIntact;
}

const files = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => !name.includes('.lock'))
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );

test('a folder whose chain cannot be locked is told by the path of the lock', async () => {
  const lock = join(folder, 'deep', 'audit-1.lock');
  mkdirSync(lock, { recursive: true });
  await expect(createSink(join(folder, 'deep')).open()).rejects.toThrow(
    `${lock} cannot be locked (unable to open`,
  );
  rmSync(join(folder, 'deep'), { recursive: true });
});

test.each([
  ['a last line that is no entry', (trail: string) => `${trail.slice(0, -10)}\n`],
  ['one with part of a line behind it', (trail: string) => `${trail.slice(0, -10)}\n{"seq":`],
])('%s keeps everything from being written, and nothing is touched', async (_, damage) => {
  const trail = await writeTrail();
  writeFileSync(OLDER, damage(trail));
  const damaged = files();
  const sink = createSink();
  await expect(sink.open()).rejects.toThrow('is no audit entry');
  await expect(sink.write(batch('c'))).rejects.toThrow('is no audit entry');
  await expect(sink.write(batch('c'))).rejects.toThrow('is no audit entry');
  expect(files()).toEqual(damaged);

  writeFileSync(OLDER, trail);
  expect(await sink.write(batch('c'))).toMatchObject({ chain: 'file-1', seq: 4 });
  await sink.close();
  expect(await isIntact()).toBe(true);
});

test('what a search has found before it failed counts once, in the file that is there then', async () => {
  const trail = await writeTrail();
  writeFileSync(OLDER, `${trail.slice(0, -10)}\n`);
  // A crash in the first write of a new file.
  appendFileSync(NEWER, '{"seq":');
  const sink = createSink();
  await expect(sink.open()).rejects.toThrow('is no audit entry');
  await expect(sink.write(batch('c'))).rejects.toThrow('is no audit entry');

  writeFileSync(OLDER, trail);
  rmSync(NEWER);
  writeFileSync(NEWER, '');
  await sink.write(batch('c'));
  await sink.close();
  const kinds = readFileSync(NEWER, 'utf8').match(/"kind":"\w+"|"action":"c"/g);
  expect(kinds).toEqual(['"kind":"segment"', '"kind":"repair"', '"action":"c"']);
  expect(await isIntact()).toBe(true);
});
