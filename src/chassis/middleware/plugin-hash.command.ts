import { basename, dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readPluginFile, readPluginPackage } from './plugin-source.js';

const HELP = `Prints the SHA-256 of a plugin, for its entry in the manifest.

  npm run plugin:hash -- <file>
  npm run plugin:hash -- --package <name>

A package is looked for in node_modules of this folder and above it.
`;

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { package: { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [file] = positionals;
  const isUsable = (file === undefined) !== (values.package === undefined) && positionals.length <= 1;
  if (values.help === true || !isUsable) {
    process.stdout.write(HELP);
    return values.help === true ? 0 : 1;
  }
  const { sha256 } =
    file === undefined
      ? await readPluginPackage(process.cwd(), values.package ?? '', Infinity)
      : await readPluginFile(dirname(resolve(file)), basename(file), Infinity);
  process.stdout.write(`${sha256}\n`);
  return 0;
}

run().then(
  (code) => (process.exitCode = code),
  (error: Error) => {
    process.stderr.write(`The plugin ${error.message}\n`);
    process.exitCode = 1;
  },
);
