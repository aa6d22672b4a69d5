import { parseArgs } from 'node:util';
import { loadChassisConfig, type Config } from '../config/index.js';
import { whyOf } from '../errors/index.js';
import { auditDirectory, readAuditKey } from './audit-files.js';
import { createSeal } from './chain.js';
import { TrailVerification, type VerifyReport } from './verify/verify-trail.js';

const HELP = `Checks the audit trail: that nothing was changed, removed, inserted, moved or cut off.

  npm run audit:verify -- [options] [file or folder …]

  --database          the table of AUDIT_SINK=database, at DATABASE_URL, in place of files
  --expect <hash>     an entry must have this hash: one that the log has told as "audit anchor"; may be given again
  --since <hash>      chains may go on after this hash: the last one of the files that were archived
  --key-file <file>   secret of the chain (default: AUDIT_KEY_FILE); again for each key there was
  --json              the report as one JSON object

Without a file or folder: the folder that the configuration names. Exit code 0: intact; 1: not; 2: cannot tell.
`;

const OPTIONS = {
  database: { type: 'boolean' },
  expect: { type: 'string', multiple: true },
  since: { type: 'string' },
  'key-file': { type: 'string', multiple: true },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

const UNKNOWN = 2;
const HASH = /^[0-9a-f]{64}$/;

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  // A shortened hash would be found nowhere, and look like a trail that was cut off.
  for (const hash of [...(values.expect ?? []), values.since])
    if (hash !== undefined && !HASH.test(hash))
      throw new Error(
        `"${hash}" is no hash: --expect and --since take all of its 64 characters, 0-9 and a-f`,
      );
  const config = await loadChassisConfig({ env: process.env, directory: process.cwd() });
  const keyFiles = values['key-file'] ?? [config.get('AUDIT_KEY_FILE')];
  const verification = new TrailVerification({
    seals: keyFiles.map((file) => createSeal(readAuditKey(file))),
    expected: values.expect ?? [],
    ...(values.since !== undefined && { since: values.since }),
  });
  if (values.database === true) await verifyDatabase(verification, config);
  else {
    const paths = positionals.length > 0 ? positionals : [auditDirectory(config)];
    for (const path of paths) await verification.files(path);
  }
  const report = verification.report();
  process.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : describe(report));
  return report.isIntact ? 0 : 1;
}

async function verifyDatabase(verification: TrailVerification, config: Config): Promise<void> {
  const { openDatabase } = await import('../database/index.js');
  const database = await openDatabase(config);
  try {
    await verification.database(database.query);
  } finally {
    await database.close();
  }
}

function describe({ isIntact, entries, chains, faults, faultCount }: VerifyReport): string {
  const ends = chains.map(({ chain, seq, hash }) => `${chain}: ends with entry ${seq}, hash ${hash}`);
  const found = faults.map(
    ({ kind, place, line, message }) => `${place && `${place}:${line}: `}${kind}: ${message}`,
  );
  const more = faultCount > faults.length ? [`… and ${faultCount - faults.length} more`] : [];
  const verdict = isIntact
    ? `intact: ${entries} entries`
    : `NOT intact: ${faultCount} faults in ${entries} entries`;
  return `${[...ends, ...found, ...more, verdict].join('\n')}\n`;
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${whyOf(error)}\n`);
  process.exitCode = UNKNOWN;
}
