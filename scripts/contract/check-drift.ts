/** `npm run check:drift`: fails when REST and gRPC have different ideas of the same operation. */
import { readContracts } from './contracts.ts';
import { findDrift } from './drift/find-drift.ts';
import { reportDrift } from './drift/report-drift.ts';
import { runCommand } from './user-error.ts';

await runCommand(async () => {
  const root = process.cwd();
  const drift = findDrift(await readContracts(root), root);
  console.log(reportDrift(drift));
  if (drift.faults.length > 0) process.exitCode = 1;
});
