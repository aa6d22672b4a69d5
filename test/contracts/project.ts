import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { PROJECT } from '../support/build.js';
import { PARCELS } from './parcels.openapi.js';
import { PARCELS_PROTO } from './parcels.proto.js';

const TOOLS = join(PROJECT, 'node_modules/.bin');
const ENVIRONMENT = {
  ...process.env,
  PATH: `${TOOLS}:${process.env['PATH'] ?? ''}`,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
};
const AUTHOR = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  /** Standard output and standard error. */
  readonly text: string;
}

/** A service of parcels with its contracts, in a git repository of its own. */
export class ContractProject implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'contracts-'));

  constructor() {
    symlinkSync(join(PROJECT, 'node_modules'), join(this.root, 'node_modules'));
    this.write('.gitignore', 'node_modules\ndist\n');
    this.write('buf.yaml', 'version: v2\nmodules:\n  - path: proto\nbreaking:\n  use:\n    - FILE\n');
    this.setVersion('1.2.0');
    this.setOpenApi(PARCELS);
    this.setProto(PARCELS_PROTO);
  }

  /** Another of the same, with its history; cheaper than making one. */
  copy(): ContractProject {
    const copy = Object.create(ContractProject.prototype) as { root: string };
    copy.root = mkdtempSync(join(tmpdir(), 'contracts-'));
    cpSync(this.root, copy.root, { recursive: true, verbatimSymlinks: true });
    return copy as ContractProject;
  }

  /** The project as it was released: committed and tagged. */
  static released(tag = 'v1.2.0', version = '1.2.0'): ContractProject {
    const project = new ContractProject();
    project.setVersion(version);
    project.git('init', '--quiet', '--initial-branch=main');
    project.commit('feat: parcels');
    project.git('tag', tag);
    return project;
  }

  setVersion(version: string): void {
    this.write('package.json', JSON.stringify({ name: 'parcels', version, type: 'module' }));
  }

  setOpenApi(document: object): void {
    this.write('contracts/openapi.json', JSON.stringify(document));
  }

  /** The proto and what is made from it; `file` moves it, `others` are folders beside it. */
  setProto(text: string, file = 'parcels/v1/parcels.proto', others: readonly string[] = []): void {
    rmSync(join(this.root, 'proto'), { recursive: true, force: true });
    for (const other of others) cpSync(other, join(this.root, 'proto', basename(other)), { recursive: true });
    this.write(`proto/${file}`, text);
    execFileSync('buf', ['build', '-o', 'contracts/descriptors.binpb'], { cwd: this.root, env: ENVIRONMENT });
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  commit(message: string): void {
    this.git('add', '--all');
    this.git(...AUTHOR, 'commit', '--quiet', '--message', message);
  }

  git(...parameters: string[]): string {
    return execFileSync('git', parameters, { cwd: this.root, env: ENVIRONMENT, encoding: 'utf8' });
  }

  /** Runs one of the project's scripts here, or in a folder of it, such as `contract/check.ts`. */
  script(name: string, parameters: readonly string[] = [], env: NodeJS.ProcessEnv = {}, folder = '.'): Ended {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(PROJECT, 'scripts', name), ...parameters],
      { cwd: resolve(this.root, folder), env: { ...ENVIRONMENT, ...env }, encoding: 'utf8' },
    );
    return { code: status, text: stdout + stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}
