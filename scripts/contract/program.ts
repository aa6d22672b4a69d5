import { execFile } from 'node:child_process';
import { UserError } from './user-error.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface Outcome {
  /** Exit code. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Runs a program to its end, whatever its exit code.
 * @throws UserError when the program is not there
 */
export function run(program: string, parameters: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const options = { cwd, encoding: 'buffer', maxBuffer: MAX_OUTPUT_BYTES } as const;
    execFile(program, parameters, options, (error, stdout, stderr) => {
      const code = error?.code ?? 0;
      if (typeof code === 'number') resolve({ code, stdout, stderr: stderr.toString() });
      else reject(code === 'ENOENT' ? missing(program) : new Error(`${program} failed`, { cause: error }));
    });
  });
}

function missing(program: string): UserError {
  const remedy =
    program === 'git' ? 'Install it.' : 'Start this by "npm run", after "npm ci" has installed the packages.';
  return new UserError(`The program "${program}" is not here. ${remedy}`);
}
