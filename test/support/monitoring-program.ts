import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './build.js';

/** The programs that are taken out of Debian's packages without their services. */
export type MonitoringTool = 'etcd' | 'prometheus' | 'promtool' | 'prometheus-alertmanager' | 'amtool';

export interface ToolResult {
  readonly status: number | null;
  /** Both outputs, one after the other. */
  readonly output: string;
}

/** Where the program is: where `scripts/install-test-tools.sh` puts it, or on the PATH. */
export function pathOf(tool: MonitoringTool): string {
  const installed = join(PROJECT, 'node_modules/.tools', tool);
  return existsSync(installed) ? installed : tool;
}

/** Runs promtool or amtool to its end. */
export function runTool(
  tool: MonitoringTool,
  args: readonly string[],
  options: { readonly input?: string; readonly cwd?: string } = {},
): ToolResult {
  const { status, stdout, stderr, error } = spawnSync(pathOf(tool), args, { ...options, encoding: 'utf8' });
  if (error) throw new Error(`This test needs ${tool}: run scripts/install-test-tools.sh`, { cause: error });
  return { status, output: stdout + stderr };
}

/** A server of the stack as a process; what it says is kept for the message of a failed test. */
export class MonitoringProcess {
  said = '';
  readonly #child: ChildProcess;

  constructor(tool: MonitoringTool, args: readonly string[], cwd: string) {
    this.#child = spawn(pathOf(tool), args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const note = (chunk: Buffer): void => void (this.said += chunk.toString());
    this.#child.stdout?.on('data', note);
    this.#child.stderr?.on('data', note);
    this.#child.once(
      'error',
      (error) => (this.said += `${error.message}: run scripts/install-test-tools.sh`),
    );
  }

  /** @throws Error with what the program said when it has ended */
  check(): void {
    if (this.#child.pid !== undefined && this.#child.exitCode === null) return;
    throw new Error(`${this.#child.spawnfile} ended: ${this.said}`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}
