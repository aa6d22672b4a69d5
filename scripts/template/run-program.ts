import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { TemplateError } from './template-error.ts';

export interface ProgramOptions {
  readonly cwd: string;
  /** Ends the program and all that it started. @default it runs to its end */
  readonly interrupted?: AbortSignal;
}

const LINES_OF_A_FAILURE = 40;
/** What an npm or a git around us tells its children: it would send those of a copy back to the original. */
const NOT_PASSED_ON = /^(npm_(package|lifecycle|command|node|execpath|config_local_prefix)|INIT_CWD|GIT_)/;

/**
 * What the program prints on standard output. It has a process group of its own, so that Ctrl-C ends it only
 * when we say so.
 * @throws {TemplateError} with the end of what it printed when it fails, or is not there
 */
export function runProgram(
  name: string,
  parameters: readonly string[],
  { cwd, interrupted }: ProgramOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    if (interrupted?.aborted) return reject(interrupted.reason as Error);
    const child = spawn(name, parameters, { cwd, env: environmentOf(cwd), detached: true });
    let stdout = '';
    let both = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => ((stdout += text), (both += text)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (both += text));
    child.stdin.end();
    const end = () => child.pid !== undefined && killGroup(child.pid);
    interrupted?.addEventListener('abort', end, { once: true });
    child.on('error', () => reject(new TemplateError(`"${name}" cannot be started. Is it installed?`)));
    child.on('close', (code) => {
      interrupted?.removeEventListener('abort', end);
      if (interrupted?.aborted) reject(interrupted.reason as Error);
      else if (code === 0) resolve(stdout);
      else reject(new TemplateError(`"${[name, ...parameters].join(' ')}" failed:\n${lastLines(both)}`));
    });
  });
}

/** The environment of programs in this folder: its own tools come first. */
export function environmentOf(cwd: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([key]) => !NOT_PASSED_ON.test(key));
  const path = `${join(cwd, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  return { ...Object.fromEntries(kept), PATH: path };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-LINES_OF_A_FAILURE).join('\n');
}
