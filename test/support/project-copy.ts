import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { copyBuild } from '../../scripts/template/copy-build.ts';
import { buildOnce, PROJECT } from './build.js';

/** Made by tools or belonging to one clone. */
const NOT_COPIED = new Set(['.git', 'node_modules', 'dist', 'data', 'coverage', 'bench/codecs/generated']);
/** Installed for the benchmarks alone, by those who run them. */
const OF_THE_BENCHMARKS = ['bench/peers/node_modules', 'bench/peers/dist', 'bench/dist', 'bench/results'];
const COMMAND_TIMEOUT_MS = 300_000;

/** How a command of a copy ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The project's tree in a folder of its own, for commands that change it. `node_modules` is the project's. */
export class ProjectCopy implements Disposable {
  readonly root: string;

  constructor(name: string) {
    this.root = mkdtempSync(join(tmpdir(), `${name}-`));
    cpSync(PROJECT, this.root, {
      recursive: true,
      filter: (path) => ![...NOT_COPIED, ...OF_THE_BENCHMARKS].includes(relative(PROJECT, path)),
    });
    symlinkSync(join(PROJECT, 'node_modules'), join(this.root, 'node_modules'));
  }

  /** As after `npm run build` and the checks: the compiler looks at what a test changes only. */
  async haveBuilt(): Promise<void> {
    await buildOnce();
    copyBuild(PROJECT, this.root);
  }

  /** `nest generate …` as the project's own `nest` does it, in a folder of the copy. */
  generate(parameters: readonly string[], folder = '.'): Promise<CommandResult> {
    return this.run(
      process.execPath,
      [join(this.root, 'schematics/bin/nest.ts'), 'generate', ...parameters],
      {
        folder,
      },
    );
  }

  /** A script of package.json; throws with all that it printed when it fails. */
  async script(script: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.tool('node', ['--run', script], env);
  }

  /** A program of `node_modules/.bin` or of the machine; throws with all that it printed when it fails. */
  async tool(
    program: string,
    parameters: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await this.run(program, parameters, { env });
    if (code !== 0) throw new Error(`${program} ${parameters.join(' ')} failed:\n${stdout}${stderr}`);
    return stdout;
  }

  run(
    program: string,
    parameters: readonly string[],
    { folder = '.', env = {} }: { folder?: string; env?: Readonly<Record<string, string>> } = {},
  ): Promise<CommandResult> {
    const options = {
      cwd: join(this.root, folder),
      env: {
        ...process.env,
        PATH: `${join(this.root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
        ...env,
      },
      timeout: COMMAND_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    };
    return new Promise((resolve) => {
      execFile(program, parameters, options, (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
        resolve({ code, stdout, stderr });
      });
    });
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.root, path), text);
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** A digest by path of every file, but for those that a clone does not have; equal when nothing has changed. */
  files(): Record<string, string> {
    return Object.fromEntries(this.#list('').map((path) => [path, digest(join(this.root, path))]));
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #list(folder: string): string[] {
    return readdirSync(join(this.root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (NOT_COPIED.has(path)) return [];
      // An empty folder counts too: a failed command must not leave one.
      return entry.isDirectory() ? [`${path}/`, ...this.#list(path)] : [path];
    });
  }
}

function digest(file: string): string {
  return file.endsWith('/') ? 'folder' : createHash('sha256').update(readFileSync(file)).digest('hex');
}
