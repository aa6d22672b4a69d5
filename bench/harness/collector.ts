import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LOAD_CORE } from './core.ts';

/** What has arrived from one target so far. */
export interface Counts {
  readonly spans: number;
  readonly lines: number;
  /** Only of targets that run with `--trace-gc`. */
  readonly allocatedBytes: number;
  /** Whether a span, and a log line, of the watched trace has come. */
  readonly hasSpan: boolean;
  readonly hasLine: boolean;
}

export type Request = { readonly id: number } & (
  | { readonly kind: 'follow'; readonly target: string; readonly fifo: string; readonly readsGc: boolean }
  | { readonly kind: 'watch'; readonly traceId: string }
  | { readonly kind: 'count'; readonly target: string }
);
export interface Reply {
  readonly id: number;
  readonly port?: number;
  readonly counts?: Counts | undefined;
}
type Command = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

/** The process that takes every target's spans and log lines. */
export class Collector {
  readonly #process: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'bench-'));
  readonly #port: number;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #lastId = 0;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.#port = port;
    process.on('message', (reply: Reply) => {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
  }

  /** @param niceness 19 lets the load generator go first whenever it has something to do */
  static async start(niceness = 0): Promise<Collector> {
    const program = fileURLToPath(new URL('collector.process.ts', import.meta.url));
    const node = ['nice', '-n', String(niceness), process.execPath, program];
    const child = spawn('taskset', ['-c', String(LOAD_CORE), ...node], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [{ port }] = (await once(child, 'message')) as [Reply];
    return new Collector(child, port ?? 0);
  }

  /** Value of OTEL_EXPORTER_OTLP_ENDPOINT for a target. */
  endpoint(target: string): string {
    return `http://127.0.0.1:${this.#port}/${target}`;
  }

  /** A file descriptor to be the target's standard output; the caller closes its own copy. */
  async openOutput(target: string, readsGc: boolean): Promise<number> {
    const fifo = join(this.#folder, `${target}-${++this.#lastId}`);
    execFileSync('mkfifo', [fifo]);
    await this.#ask({ kind: 'follow', target, fifo, readsGc });
    return openSync(fifo, 'w');
  }

  async watch(traceId: string): Promise<void> {
    await this.#ask({ kind: 'watch', traceId });
  }

  async count(target: string): Promise<Counts> {
    const { counts } = await this.#ask({ kind: 'count', target });
    if (!counts) throw new Error('The collector answered without counts');
    return counts;
  }

  stop(): void {
    this.#process.disconnect();
    rmSync(this.#folder, { recursive: true });
  }

  #ask(command: Command): Promise<Reply> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, resolve);
    this.#process.send({ ...command, id });
    return promise;
  }
}
