import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freePorts } from './free-ports.js';
import { MonitoringProcess } from './monitoring-program.js';

/** A slow machine syncs its disk slowly. */
const START_LIMIT_MS = 20_000;

/** A real etcd for tests, which may be killed and started again over its data. */
export class EtcdServer {
  readonly url: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'etcd-'));
  readonly #peer: string;
  #process: MonitoringProcess | undefined;

  private constructor(port: number, peerPort: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.#peer = `http://127.0.0.1:${peerPort}`;
  }

  static async start(): Promise<EtcdServer> {
    const [port = 0, peerPort = 0] = await freePorts(2);
    const server = new EtcdServer(port, peerPort);
    await server.start();
    return server;
  }

  /** Starts it, again after a `kill`; it remembers what was put. */
  async start(): Promise<void> {
    const settings = {
      'data-dir': join(this.#folder, 'data'),
      'listen-client-urls': this.url,
      'advertise-client-urls': this.url,
      'listen-peer-urls': this.#peer,
      'initial-advertise-peer-urls': this.#peer,
      'initial-cluster': `default=${this.#peer}`,
    };
    const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    this.#process = new MonitoringProcess('etcd', args, this.#folder);
    await eventually('etcd answers', () => this.#isReady(), START_LIMIT_MS);
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    this.#process?.signal('SIGKILL');
    await this.#process?.stop();
  }

  /** It accepts connections and says nothing, until `thaw`. */
  freeze(): void {
    this.#process?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#process?.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Resolves with the revision that it made. */
  async put(key: string, value: string | Buffer): Promise<number> {
    const { header } = await this.ask('/v3/kv/put', { key: encode(key), value: encode(value) });
    return Number(header?.revision);
  }

  async delete(key: string): Promise<void> {
    await this.ask('/v3/kv/deleterange', { key: encode(key) });
  }

  /** Forgets all revisions before this one. */
  async compact(revision: number): Promise<void> {
    await this.ask('/v3/kv/compaction', { revision: String(revision), physical: true });
  }

  /** Any request to its JSON gateway. @throws Error when it is refused */
  async ask(path: string, body: object): Promise<{ readonly header?: { readonly revision: string } }> {
    const answer = await fetch(this.url + path, { method: 'POST', body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`etcd answers ${answer.status} to ${path}: ${text}`);
    return JSON.parse(text) as { header?: { revision: string } };
  }

  async #isReady(): Promise<boolean> {
    this.#process?.check();
    return this.ask('/v3/kv/range', { key: encode('ready') }).then(
      () => true,
      () => false,
    );
  }
}

function encode(text: string | Buffer): string {
  return Buffer.from(text as string).toString('base64');
}
