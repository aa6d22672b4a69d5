import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { freePort } from './free-ports.js';
import { eventually } from './eventually.js';

/** A real Redis server for tests, which may be ended, frozen and started again on its port. */
export class RedisServer {
  #process: ChildProcess | undefined;

  private constructor(readonly port: number) {}

  static async start(): Promise<RedisServer & AsyncDisposable> {
    const server = new RedisServer(await freePort());
    await server.start();
    return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() });
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, again after a `kill`; it remembers nothing. */
  async start(): Promise<void> {
    const settings = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const server = spawn('redis-server', settings, { stdio: 'ignore' });
    this.#process = server;
    const failed = once(server, 'error').then(([error]) => {
      throw new Error(
        'The tests need redis-server on the PATH (Debian, Ubuntu: apt-get install redis-server)',
        {
          cause: error,
        },
      );
    });
    await Promise.race([failed, eventually('Redis answers', () => answers(this.port))]);
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    const server = this.#process;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGCONT');
    server.kill('SIGKILL');
    await once(server, 'exit');
  }

  /** It accepts connections and says nothing, until `thaw`. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  stop(): Promise<void> {
    return this.kill();
  }

  /** What Redis answers to one command on a connection of its own, as it comes over the wire. */
  command(...words: readonly string[]): Promise<string> {
    return ask(this.port, words.join(' '));
  }
}

function answers(port: number): Promise<boolean> {
  return ask(port, 'PING').then(
    (answer) => answer.startsWith('+PONG'),
    () => false,
  );
}

function ask(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${line}\r\n`));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
