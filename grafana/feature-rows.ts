import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FeatureRow } from './feature-row.ts';

const FOLDER = join(import.meta.dirname, 'features');

/**
 * The rows of `*.row.ts` in a folder, in the order of their names; without a feature the folder need not be there.
 * @throws {TypeError} that names the file which has no row, or an empty one
 */
export async function readFeatureRows(folder = FOLDER): Promise<FeatureRow[]> {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.row.ts'))
    .toSorted();
  return Promise.all(files.map((name) => readRow(join(folder, name))));
}

async function readRow(file: string): Promise<FeatureRow> {
  const { row } = (await import(file)) as { readonly row?: FeatureRow };
  if (!row?.title) throw new TypeError(`${file} must export a FeatureRow as "row"; see docs/dashboards.md`);
  if (row.route === undefined && row.rpcService === undefined && !row.panels?.length)
    throw new TypeError(`The row of ${file} is empty: give it a route, an rpcService or panels`);
  return row;
}
