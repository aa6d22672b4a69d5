import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const BENCH = fileURLToPath(new URL('../', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PEERS = join(BENCH, 'peers');

/** Installs the peers' packages where missing or out of date, and compiles the peers. */
export function buildPeers(): void {
  installPeers();
  assertSameVersions();
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', PEERS], { stdio: 'inherit' });
}

function installPeers(): void {
  const lock = statSync(join(PEERS, 'package-lock.json')).mtimeMs;
  const installed = statSync(join(PEERS, 'node_modules/.package-lock.json'), { throwIfNoEntry: false });
  if (installed && installed.mtimeMs >= lock) return;
  process.stderr.write('Installing the peers …\n');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PEERS,
    stdio: 'inherit',
  });
}

/** What the chassis and its peers both use must be the same, or packages are measured and not designs. */
function assertSameVersions(): void {
  const { dependencies } = readJson(join(PEERS, 'package.json')) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) {
    const ours = versionOf(ROOT, name);
    const theirs = versionOf(PEERS, name);
    if (ours === undefined || ours === theirs) continue;
    throw new Error(
      `${name} is ${ours} in the project and ${theirs} among the peers. Run "npm update ${name}" in bench/peers.`,
    );
  }
}

function versionOf(folder: string, name: string): string | undefined {
  const file = join(folder, 'node_modules', name, 'package.json');
  return existsSync(file) ? (readJson(file) as { version: string }).version : undefined;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/**
 * Compiles the chassis' programs, one file at a time, so that `#chassis` stays what Node resolves: the build.
 * `check:types` checks them.
 */
export function buildTargets(): void {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  for (const file of globSync(['targets/**/*.ts', 'shared/**/*.ts', 'generated/**/*.ts'], { cwd: BENCH })) {
    const source = readFileSync(join(BENCH, file), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { ...options, module: ts.ModuleKind.ESNext },
      fileName: join(BENCH, file),
    });
    const out = join(BENCH, 'dist', file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, outputText);
  }
}
