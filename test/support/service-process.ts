import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { inject } from 'vitest';
import { buildOnce, PROJECT } from './build.js';
import { CLEAN_ENVIRONMENT } from './clean-environment.js';
import { GrpcTestClient } from './grpc-test-client.js';
import { HttpTestClient } from './http-test-client.js';
import { eventually } from './eventually.js';
import { createDatabase } from './postgres.js';

/** One JSON log line. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface ProcessOptions {
  /**
   * Beside the defaults: profile `test`, JSON log from `info` on, free ports, for the service itself a new database
   * on the run's PostgreSQL server unless one is named. The embedded one (`DATA_DIR`) takes seconds to start.
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * A folder with `dist/`, `config/` and `contracts/`.
   * @default the project, built when its sources are newer
   */
  readonly root?: string;
  /** @default the root's `dist/main.js` */
  readonly program?: string;
  /** Keep the lines after `service ready`. @default true */
  readonly keepsLines?: boolean;
}

const DEFAULTS = {
  APP_ENV: 'test',
  LOG_LEVEL: 'info',
  LOG_FORMAT: 'json',
  HTTP_PORT: '0',
  GRPC_PORT: '0',
  MANAGEMENT_PORT: '0',
};
const READY_TIMEOUT_MS = 90_000;

/** The built service as a process of its own, as the container starts it. */
export class ServiceProcess {
  /** Standard output so far, one parsed line each; a line that is not JSON has only `text`. */
  readonly lines: LogLine[] = [];
  /** Standard error so far: a healthy service writes nothing there. */
  stderr = '';
  /** The exit code, `null` when a signal ended the process; resolves once all output has been read. */
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #log: Interface;
  #grpc: GrpcTestClient | undefined;

  constructor({ env = {}, root = PROJECT, program, keepsLines = true }: ProcessOptions) {
    this.#child = spawn(process.execPath, [program ?? join(root, 'dist/main.js')], {
      env: { ...CLEAN_ENVIRONMENT, ...DEFAULTS, ...env },
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#log = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
      if (keepsLines || this.lines.length < 10) this.lines.push(parse(text));
    });
    this.exit = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The first line with this `msg`, waited for. */
  async line(msg: string, timeoutMs = READY_TIMEOUT_MS): Promise<LogLine> {
    const find = () => this.lines.find((line) => line['msg'] === msg);
    const isOver = () => find() !== undefined || this.#child.exitCode !== null;
    await eventually(`the log has "${msg}"`, isOver, timeoutMs);
    const found = find();
    if (found) return found;
    throw new Error(`The service ended without "${msg}": ${JSON.stringify(this.lines)}${this.stderr}`);
  }

  /** Resolves when the service answers. */
  async ready(): Promise<this> {
    await this.line('service ready');
    return this;
  }

  get http(): HttpTestClient {
    return new HttpTestClient(this.address('http'));
  }

  get management(): HttpTestClient {
    return new HttpTestClient(this.address('management'));
  }

  get grpc(): GrpcTestClient {
    return (this.#grpc ??= new GrpcTestClient(this.address('grpc')));
  }

  /** `host:port` from the ready line. */
  address(port: 'http' | 'grpc' | 'management'): string {
    const ready = this.lines.find((line) => line['msg'] === 'service ready');
    return String(ready?.[port]);
  }

  /** The port of an address. */
  port(port: 'http' | 'grpc' | 'management'): number {
    return Number(this.address(port).split(':').at(-1));
  }

  /** Reads its standard output no more, as a log shipper that hangs, until `readLog`. */
  holdLog(): void {
    this.#log.pause();
  }

  readLog(): void {
    this.#log.resume();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends the process as an operator does; returns its exit code. */
  async stop(name: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#grpc?.close();
    this.signal(name);
    return this.exit;
  }
}

/**
 * Starts the built service; `await (await startProcess()).ready()` for one that answers. Ends with
 * `stop()`, at the latest with `await using`.
 */
export async function startProcess(options: ProcessOptions = {}): Promise<ServiceProcess & AsyncDisposable> {
  if (options.root === undefined) await buildOnce();
  const database = needsDatabase(options) && { DATABASE_URL: await createDatabase(inject('postgresUrl')) };
  const service = new ServiceProcess({ ...options, env: { ...database, ...options.env } });
  return Object.assign(service, {
    async [Symbol.asyncDispose]() {
      await service.stop('SIGKILL');
    },
  });
}

/** A program of a test's own brings its database, if it has one. */
function needsDatabase({ program, env = {} }: ProcessOptions): boolean {
  return program === undefined && !('DATABASE_URL' in env || 'DATA_DIR' in env);
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { text };
  }
}
