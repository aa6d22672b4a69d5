import { relative, resolve, sep } from 'node:path';
import { finish } from './follow-up.ts';
import { isHelp, parseOptions, schematicOf } from './options.ts';
import { Schematics, type Change } from './schematics.ts';
import { Undo } from './undo.ts';
import { listing, usage } from './usage.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/**
 * `nest generate …`, from any folder of the project.
 * @returns the exit code: 0, or 1 with the reason on standard error and the project as it was
 */
export async function generate(parameters: readonly string[]): Promise<number> {
  try {
    await run(parameters);
    return 0;
  } catch (error) {
    console.error(`Error: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

async function run(parameters: readonly string[]): Promise<void> {
  requireInside(process.cwd());
  const schematics = new Schematics(ROOT);
  const name = schematicOf(parameters);
  if (name === undefined) return console.log(listing(schematics.list()));
  const schematic = schematics.get(name);
  if (isHelp(parameters)) return console.log(usage(schematic));
  const { options, isDryRun } = parseOptions(schematic, parameters);
  if (isDryRun) {
    report(await schematics.run(schematic, options, { isDryRun }));
    return console.log('Dry run: nothing was written.');
  }
  using undo = new Undo(ROOT);
  const changes = await schematics.run(schematic, options, { onChange: ({ path }) => undo.remember(path) });
  report(changes);
  await finish(ROOT, changes, undo);
  undo.forget();
}

function report(changes: readonly Change[]): void {
  const inOrder = changes.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  for (const { kind, path } of inOrder) console.log(`${kind.toUpperCase()} ${path}`);
  if (changes.length === 0) console.log('Nothing to do.');
}

function requireInside(folder: string): void {
  const path = relative(ROOT, folder);
  if (path === '..' || path.startsWith(`..${sep}`))
    throw new Error(`${folder} is not inside the project ${ROOT}; go there first`);
}
