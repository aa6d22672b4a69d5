/**
 * Runs all tests and ends with one line `N passed, N failed, N skipped`, counted from Vitest's own
 * report. Exits 1 when anything failed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';

const REPORT = 'coverage/test-report.json';

interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const LINES_OF_A_FAILURE = 6;

rmSync(REPORT, { force: true });
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`];
const { status } = spawnSync('vitest', ['run', ...reporters, ...process.argv.slice(2)], { stdio: 'inherit' });

const report = existsSync(REPORT) ? (JSON.parse(readFileSync(REPORT, 'utf8')) as Report) : undefined;
if (!report) console.error('Vitest ended without a report; the run itself counts as one failure.');
const passed = report?.numPassedTests ?? 0;
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
// A file that could not be loaded has no test that failed, an error outside of any test neither.
const unloaded = report?.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
);
const told = (report?.numFailedTests ?? 0) + (unloaded?.length ?? 0);
const failed = told === 0 && status !== 0 ? 1 : told;

// Once more at the end: whoever reads only the last lines sees what failed.
for (const { name, message, assertionResults } of report?.testResults ?? []) {
  const file = relative('.', name);
  if (unloaded?.some((other) => other.name === name)) tellFailure(file, message);
  for (const { status: result, fullName, failureMessages } of assertionResults)
    if (result === 'failed') tellFailure(`${file} > ${fullName}`, failureMessages.join('\n'));
}
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;

function tellFailure(what: string, why: string): void {
  const own = why.split('\n').filter((line) => !/^\s+at .*(node_modules|<anonymous>)/.test(line));
  const lines = own.slice(0, LINES_OF_A_FAILURE);
  console.log([`\nFAILED ${what}`, ...lines].join('\n  '));
}
