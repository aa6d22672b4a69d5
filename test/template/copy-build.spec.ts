import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { copyBuild } from '../../scripts/template/copy-build.ts';
import { runTool } from '../support/build.js';

const FILES = {
  'package.json': '{"type":"module"}',
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      types: ['world'],
      lib: ['ES2024'],
      rootDir: 'src',
      outDir: 'dist',
      incremental: true,
      tsBuildInfoFile: 'dist/.tsbuildinfo',
    },
    include: ['src'],
  }),
  'src/a.ts': 'export const a = world;\n',
  'src/b.ts': 'export const b = 1;\n',
};
const PACKAGE = {
  'package.json': '{"name":"world","types":"index.d.ts"}',
  'index.d.ts': 'declare const world: string;\n',
};

const root = mkdtempSync(join(tmpdir(), 'copy-build-'));
const [project, near, far] = ['project', 'near', 'deep/down/far'].map((name) => join(root, name)) as [
  string,
  string,
  string,
];
afterEach(() => rmSync(root, { recursive: true }));

test('the compiler goes on in a copy, and in a copy of it, from what was built before', async () => {
  write(project, FILES);
  write(join(project, 'node_modules/world'), PACKAGE);
  expect(await compile(project)).toEqual(['a.js', 'b.js']);
  copy(project, far);
  expect(await compile(far)).toEqual([]);
  copy(far, near);
  write(near, { 'src/b.ts': 'export const b = 2;\n' });
  expect(await compile(near)).toEqual(['b.js']);
});

function copy(from: string, to: string): void {
  write(to, FILES);
  symlinkSync(join(from, 'node_modules'), join(to, 'node_modules'));
  copyBuild(from, to);
}

/** What the compiler wrote. */
async function compile(folder: string): Promise<string[]> {
  const output = await runTool('tsc', ['--listEmittedFiles'], { cwd: folder });
  return [...output.matchAll(/^TSFILE: .*\/(\w+\.js)$/gm)].map(([, file = '']) => file).toSorted();
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
