import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { ProjectCopy, type CommandResult } from '../support/project-copy.js';

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** User and group that the command runs as. @default our own */
  readonly id?: number;
  /** Sends a signal as soon as the command has printed this. */
  readonly signalAt?: { readonly text: string; readonly signal: NodeJS.Signals };
}

/** The project's tree as a git repository of its own, with everything committed. */
export class TemplateProject extends ProjectCopy {
  constructor() {
    super('template');
    this.git('init', '--quiet', '--initial-branch=main');
    this.git('config', 'user.name', 'Ada');
    this.git('config', 'user.email', 'ada@example.test');
    this.commit('feat: the template');
  }

  git(...parameters: readonly string[]): string {
    return execFileSync('git', parameters, { cwd: this.root, encoding: 'utf8', stdio: 'pipe' });
  }

  commit(message: string): void {
    this.git('add', '--all');
    this.git('commit', '--quiet', '--message', message);
  }

  /** `npm run <name> -- …`. */
  command(name: string, parameters: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const { env = {}, id, signalAt } = options;
    const child = spawn(process.execPath, [join(this.root, `scripts/template/${name}.ts`), ...parameters], {
      cwd: this.root,
      env: { ...process.env, ...env },
      ...(id !== undefined && { uid: id, gid: id }),
    });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
    const interrupt = () => {
      if (!signalAt || !output.stdout.includes(signalAt.text)) return;
      child.stdout.off('data', interrupt);
      child.kill(signalAt.signal);
    };
    child.stdout.on('data', interrupt);
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code: code ?? -1, ...output }));
    });
  }

  /** All that a failed command must leave as it was. */
  state(): object {
    const head = this.git('rev-parse', 'HEAD');
    return {
      head,
      status: this.git('status', '--porcelain'),
      refs: this.git('show-ref'),
      files: this.files(),
    };
  }
}
