/**
 * Writes `grafana/dashboards/*.json` from the source beside it. With `--check` it writes nothing and fails when a file
 * is not what the source says, or when there is one too many.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDashboards } from './dashboards.ts';
import { readFeatureRows } from './feature-rows.ts';

const FOLDER = join(import.meta.dirname, 'dashboards');

const made = new Map(
  buildDashboards(await readFeatureRows()).map((dashboard) => [
    `${dashboard.uid}.json`,
    `${JSON.stringify(dashboard, null, 2)}\n`,
  ]),
);
mkdirSync(FOLDER, { recursive: true });
const there = readdirSync(FOLDER);

if (process.argv.includes('--check')) {
  const stale = new Set([...made.keys(), ...there]);
  for (const [name, text] of made)
    if (there.includes(name) && readFileSync(join(FOLDER, name), 'utf8') === text) stale.delete(name);
  if (stale.size > 0) {
    process.stderr.write(
      `Not what grafana/ says: ${[...stale].join(', ')}. Run "npm run dashboards" and commit the result.\n`,
    );
    process.exitCode = 1;
  }
} else {
  for (const name of there) if (!made.has(name)) rmSync(join(FOLDER, name));
  for (const [name, text] of made) writeFileSync(join(FOLDER, name), text);
}
