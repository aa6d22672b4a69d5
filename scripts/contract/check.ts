/**
 * `npm run contract:check [-- --against <ref>]`: fails when the contracts break what the last release, or
 * `<ref>`, promised, and the version does not say so; and when REST and gRPC drift apart.
 */
import { parseArgs } from 'node:util';
import { compareContracts } from './compare.ts';
import { readContracts } from './contracts.ts';
import { findDrift } from './drift/find-drift.ts';
import { reportDrift } from './drift/report-drift.ts';
import { report } from './report.ts';
import { runCommand, UserError } from './user-error.ts';

const USAGE = 'Usage: npm run contract:check [-- --against <tag, branch or commit>]';

await runCommand(async () => {
  const root = process.cwd();
  const comparison = await compareContracts(root, againstOf());
  console.log(report(comparison));
  const drift = findDrift(await readContracts(root), root);
  console.log(reportDrift(drift));
  if (comparison.refusal || drift.faults.length > 0) process.exitCode = 1;
});

function againstOf(): string | undefined {
  try {
    return parseArgs({ options: { against: { type: 'string' } } }).values.against;
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n${USAGE}`, { cause: error });
  }
}
