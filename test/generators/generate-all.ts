import type { ProjectCopy } from '../support/project-copy.js';

/** What comes after `nest generate`. */
export interface Command {
  readonly parameters: readonly string[];
  /** @default the project's */
  readonly folder?: string;
}
/** How one ended. */
export interface Result {
  readonly code: number;
  readonly stderr: string;
}

const PROGRAM = `
import { resolve } from 'node:path';
import { generate } from './schematics/cli/generate.ts';
const root = process.cwd();
const told = [];
console.log = () => undefined;
console.error = (line) => told.push(line);
const results = [];
for (const { parameters, folder = '.' } of JSON.parse(process.argv[1])) {
  told.length = 0;
  process.chdir(resolve(root, folder));
  results.push({ code: await generate(parameters), stderr: told.join() });
}
process.stdout.write(JSON.stringify(results));
`;

/** Gives the commands one after the other in one process, which is a second less for each. */
export async function generateAll(
  project: ProjectCopy,
  commands: readonly Command[],
): Promise<readonly Result[]> {
  const parameters = ['--input-type=module', '-e', PROGRAM, JSON.stringify(commands)];
  return JSON.parse(await project.tool(process.execPath, parameters)) as Result[];
}
