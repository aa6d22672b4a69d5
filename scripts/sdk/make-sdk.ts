/** `npm run sdk [-- --out <folder>]`: a typed client package from `contracts/`, by default in `dist/sdk`. */
import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import { runCommand, UserError } from '../contract/user-error.ts';
import { makeSdk } from './sdk.ts';

const USAGE = 'Usage: npm run sdk [-- --out <folder>]';

await runCommand(async () => {
  const { name, version, folder } = await makeSdk(process.cwd(), resolve(outOf()));
  console.log(`${name} ${version} is in ${folder}. "npm publish" or "npm pack" it from there.`);
});

function outOf(): string {
  try {
    return parseArgs({ options: { out: { type: 'string', default: 'dist/sdk' } } }).values.out;
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n${USAGE}`, { cause: error });
  }
}
