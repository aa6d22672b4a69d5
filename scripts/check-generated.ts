/** Fails when `src/generated` or `contracts/descriptors.binpb` is not what `proto/` says. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DESCRIPTORS = 'contracts/descriptors.binpb';
const GENERATED = 'src/generated';

const fresh = mkdtempSync(join(tmpdir(), 'generated-'));
try {
  execFileSync('buf', ['generate', '-o', fresh], { stdio: 'inherit' });
  execFileSync('buf', ['build', '-o', join(fresh, 'descriptors.binpb')], { stdio: 'inherit' });
  const stale = [
    ...differences(join(fresh, GENERATED), GENERATED),
    ...(isSame(join(fresh, 'descriptors.binpb'), DESCRIPTORS) ? [] : [DESCRIPTORS]),
  ];
  if (stale.length > 0) {
    console.error(`Not what proto/ says: ${stale.join(', ')}. Run "npm run contract" and commit the result.`);
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, { recursive: true });
}

function differences(expected: string, actual: string): string[] {
  const files = new Set([...filesIn(expected), ...filesIn(actual)]);
  return [...files]
    .filter((file) => !isSame(join(expected, file), join(actual, file)))
    .map((file) => join(actual, file));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
}

function isSame(one: string, other: string): boolean {
  if (!statSync(one, { throwIfNoEntry: false }) || !statSync(other, { throwIfNoEntry: false })) return false;
  return readFileSync(one).equals(readFileSync(other));
}
