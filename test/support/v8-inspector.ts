import { eventually } from './eventually.js';
import type { ServiceProcess } from './service-process.js';

/** V8 of a process that was started with `--inspect`: nothing in the service has to answer for it. */
export class V8Inspector {
  readonly #socket: WebSocket;
  readonly #replies = new Map<number, (result: unknown) => void>();
  #sent = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id: number; result: unknown };
      this.#replies.get(id)?.(result);
      this.#replies.delete(id);
    });
  }

  static async of(service: ServiceProcess): Promise<V8Inspector> {
    const find = () => /ws:\/\/\S+/.exec(service.stderr)?.[0];
    await eventually('the inspector listens', () => find() !== undefined);
    const socket = new WebSocket(String(find()));
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    return new V8Inspector(socket);
  }

  /** Bytes in use once everything that can be collected has been. */
  async heapUsedAfterCollection(): Promise<number> {
    // Finalizers of the first round free what the second collects.
    await this.#send('HeapProfiler.collectGarbage');
    await this.#send('HeapProfiler.collectGarbage');
    const { usedSize } = (await this.#send('Runtime.getHeapUsage')) as { usedSize: number };
    return usedSize;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    return Promise.resolve();
  }

  #send(method: string): Promise<unknown> {
    const id = ++this.#sent;
    const reply = new Promise((resolve) => this.#replies.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method }));
    return reply;
  }
}
