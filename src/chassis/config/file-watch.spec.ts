import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { FileWatch } from './file-watch.js';

test('a folder that cannot even be looked at is told of once, and watched again when it can be', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'file-watch-'));
  const folder = join(parent, 'watched');
  mkdirSync(folder);
  let looks = 0;
  const lost: unknown[] = [];
  const watch = new FileWatch({
    folders: [folder],
    intervalMs: 10,
    quietMs: 0,
    onPerhaps: () => void (looks += 1),
    onUnwatched: (_folder, error) => void lost.push((error as NodeJS.ErrnoException).code),
  });
  onTestFinished(() => {
    watch.stop();
    rmSync(parent, { recursive: true });
  });
  watch.start();
  const lookOn = async () => {
    looks = 0;
    await eventually('it is looked at from time to time', () => looks > 2, 2000);
  };
  /** A link to itself: no `stat` of it succeeds. */
  const makeLoop = () => {
    rmSync(folder, { recursive: true });
    symlinkSync('watched', folder);
  };
  makeLoop();
  await lookOn();
  expect(lost).toEqual(['ELOOP']);
  rmSync(folder);
  mkdirSync(folder);
  await lookOn();
  makeLoop();
  await lookOn();
  expect(lost).toEqual(['ELOOP', 'ELOOP']);
});
