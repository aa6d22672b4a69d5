import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PROJECT } from './build.js';

/** Debian's own Python: it has the distribution's packages, whatever `python3` is on the path. */
const PYTHON = '/usr/bin/python3';

export interface ForeignCall {
  /** `package.Service/Method`. */
  readonly method: string;
  readonly requests?: readonly object[];
  /** Seconds. */
  readonly timeout?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Responses after which the client cancels. */
  readonly take?: number;
}

/** How a call ended. */
export interface ForeignResult {
  readonly messages: readonly Record<string, unknown>[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Canonical code name. */
  readonly code: string;
  readonly message: string;
  /** Decoded `google.rpc` details, `@type` each. */
  readonly details: readonly Record<string, unknown>[];
  readonly services?: readonly string[];
}

interface Pending {
  readonly onEvent: (event: Event) => void;
  readonly fail: (error: Error) => void;
}
type Event = Record<string, unknown> & { readonly id: number; readonly event: string };

/** Python's grpcio against the service: messages from server reflection, no code of ours. */
export class ForeignClient {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(address: string) {
    requirePython();
    const script = join(PROJECT, 'test/foreign/grpc_client.py');
    this.#child = spawn(PYTHON, [script, address], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
      const event = JSON.parse(text) as Event;
      this.#pending.get(event.id)?.onEvent(event);
    });
    this.#child.once('exit', (code) => {
      const error = new Error(`The Python client ended with ${code} during a call`);
      for (const { fail } of this.#pending.values()) fail(error);
    });
  }

  /** The whole call, answered when it has ended. */
  call(call: ForeignCall): Promise<ForeignResult> {
    return this.open(call).end;
  }

  /** A call that goes on: `opened` resolves with its initial metadata. */
  open(call: ForeignCall): { readonly opened: Promise<void>; readonly end: Promise<ForeignResult> } {
    const id = ++this.#lastId;
    const opened = Promise.withResolvers<void>();
    const end = Promise.withResolvers<ForeignResult>();
    const messages: Record<string, unknown>[] = [];
    let metadata = {};
    const onEvent = ({ id: _, event, ...rest }: Event) => {
      if (event === 'message') messages.push(rest['message'] as Record<string, unknown>);
      if (event === 'open') metadata = rest['metadata'] as object;
      if (event === 'open') opened.resolve();
      if (event !== 'end') return;
      this.#pending.delete(id);
      end.resolve({ ...(rest as unknown as ForeignResult), messages, metadata });
    };
    this.#pending.set(id, { onEvent, fail: end.reject });
    this.#child.stdin?.write(`${JSON.stringify({ id, requests: [{}], ...call })}\n`);
    return { opened: opened.promise, end: end.promise };
  }

  /** Names of the services that reflection lists. */
  async services(): Promise<readonly string[]> {
    return (await this.call({ method: 'services' })).services ?? [];
  }

  close(): void {
    this.#child.kill();
  }
}

function requirePython(): void {
  try {
    execFileSync(PYTHON, ['-c', 'import grpc, google.protobuf'], { stdio: 'pipe' });
  } catch (cause) {
    throw new Error(
      `This test needs ${PYTHON} with grpcio and protobuf (Debian, Ubuntu: apt-get install python3-grpcio python3-protobuf).`,
      { cause },
    );
  }
}
