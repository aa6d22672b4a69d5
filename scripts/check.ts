/** Runs every `check:…` script of package.json, two at a time, and tells all that fail. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** More only wait for each other on two cores. */
const AT_A_TIME = 2;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const checks = Object.keys(scripts).filter((name) => name.startsWith('check:'));
const failed: string[] = [];

/** Resolves when the check has been told. */
function run(name: string): Promise<void> {
  const begin = performance.now();
  return new Promise((resolve) => {
    const options = { maxBuffer: MAX_OUTPUT_BYTES };
    execFile(process.execPath, ['--run', name], options, (error, stdout, stderr) => {
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      console.log(`${error ? '✗' : '✓'} ${name} (${seconds} s)`);
      if (error) {
        failed.push(name);
        console.log(`${stdout}${stderr}`);
      }
      resolve();
    });
  });
}

const waiting = [...checks];
async function work(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await run(name);
}
await Promise.all(Array.from({ length: AT_A_TIME }, work));

if (failed.length > 0) {
  console.error(`${failed.length} of ${checks.length} checks failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
