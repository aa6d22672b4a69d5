/**
 * Runs a command and writes what it prints twice: to standard output and to a file that the log shipper reads.
 * `node with-log-file.ts <file> <command> [argument…]`
 *
 * Signals reach the command, its exit code becomes this program's. The file is renamed to `<file>.1` when it has
 * LOG_FILE_MAX_BYTES (16 MiB), in place of the one before. A full disk ends nothing: lines are missing in the file then.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { RotatingFile } from './rotating-file.ts';

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

const [path, command, ...args] = process.argv.slice(2);
if (path === undefined || command === undefined) {
  process.stderr.write('Usage: node with-log-file.ts <file> <command> [argument…]\n');
  process.exit(2);
}

const file = new RotatingFile(
  path,
  Number(process.env['LOG_FILE_MAX_BYTES'] ?? DEFAULT_MAX_BYTES),
  (problem) => process.stderr.write(`${path} cannot be written, standard output goes on: ${problem}\n`),
);
const child = spawn(command, args, { stdio: ['inherit', 'pipe', 'inherit'] });
child.stdout.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk);
  file.write(chunk);
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const)
  process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`${command} cannot be started: ${error.message}\n`);
  process.exitCode = 127;
});
// `close`, not `exit`: by then everything it printed has been read.
child.on('close', (code, signal) => {
  process.exitCode ??= code ?? 128 + (signal ? constants.signals[signal] : 0);
});
