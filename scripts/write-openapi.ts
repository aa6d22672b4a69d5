/**
 * Writes `contracts/openapi.json` from the built service, which it does not start. With `--check` it
 * writes nothing and fails when the file is not what the code says.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import 'reflect-metadata';
import { describeApi } from '#chassis';

const FILE = new URL('../contracts/openapi.json', import.meta.url);

const { service } = (await import(
  new URL('../dist/app.module.js', import.meta.url).href
)) as typeof import('../src/app.module.js');
const about = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly name: string;
  readonly version: string;
};
const document = `${JSON.stringify(await describeApi(service, about), null, 2)}\n`;

if (!process.argv.includes('--check')) writeFileSync(FILE, document);
else if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== document) {
  console.error('contracts/openapi.json is not what the code says. Run "npm run contract" and commit it.');
  process.exitCode = 1;
}
