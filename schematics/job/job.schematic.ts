import { chain, type Rule } from '@angular-devkit/schematics';
import { Cron } from 'croner';
import { featurePlace } from '../shared/feature-place.ts';
import { formatChanged } from '../shared/format.ts';
import { addToModule } from '../shared/module-imports.ts';
import { nameOf } from '../shared/names.ts';
import { refuse } from '../shared/refuse.ts';
import { requireFree, requireFreeInFeatures } from '../shared/require-free.ts';
import { writeTemplates } from '../shared/templates.ts';

const MIN_EVERY_MS = 100;
const MAX_EVERY_MS = 86_400_000;
const HOURLY = '0 * * * *';

/** The options of schema.json. */
export interface JobOptions {
  readonly name: string;
  readonly feature?: string;
  readonly cron?: string;
  readonly everyMs?: number;
  readonly timeZone?: string;
}

export function job({ name: text, feature, ...when }: JobOptions): Rule {
  const name = nameOf(text.replace(/[-_ ]?job$/i, ''));
  const schedule = scheduleOf(when);
  return (tree) => {
    const place = featurePlace(tree, feature);
    return chain([
      requireFreeInFeatures(`${name.kebab}.job.ts`),
      requireFree(place.folder, `${name.kebab}.job.ts`, `${name.kebab}.job.spec.ts`),
      writeTemplates('./files', { file: name.kebab, name, schedule }, place.folder),
      addToModule(place.module, 'providers', { name: `${name.pascal}Job`, from: `./${name.kebab}.job.js` }),
      formatChanged(),
    ]);
  };
}

/** The options of `@Job`, as its source has them. */
function scheduleOf({ cron, everyMs, timeZone }: Omit<JobOptions, 'name' | 'feature'>): string {
  if (everyMs === undefined) return cronOf(cron ?? HOURLY, timeZone);
  if (cron !== undefined || timeZone !== undefined)
    refuse('--every-ms goes with neither --cron nor --time-zone; leave it or them out');
  if (!Number.isInteger(everyMs) || everyMs < MIN_EVERY_MS || everyMs > MAX_EVERY_MS)
    refuse(`--every-ms ${everyMs} must be a whole number from ${MIN_EVERY_MS} to ${MAX_EVERY_MS}, a day`);
  return `everyMs: ${everyMs}`;
}

function cronOf(cron: string, timeZone: string | undefined): string {
  try {
    if (!new Cron(cron, { timezone: timeZone ?? 'UTC', paused: true, mode: '5-or-6-parts' }).nextRun())
      refuse(`--cron "${cron}" is never due`);
  } catch (error) {
    refuse(`--cron "${cron}"${timeZone ? ` --time-zone ${timeZone}` : ''}: ${(error as Error).message}`);
  }
  const zone = timeZone === undefined ? '' : `, timeZone: ${JSON.stringify(timeZone)}`;
  return `cron: ${JSON.stringify(cron)}${zone}`;
}
