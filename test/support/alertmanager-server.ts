import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './free-ports.js';
import { HttpTestClient } from './http-test-client.js';
import { MonitoringProcess } from './monitoring-program.js';

export interface AlertmanagerOptions {
  /** `alertmanager.yml`; its paths are relative to the folder of `files`. */
  readonly config: string;
  /** What it names, by path: templates, secrets. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A real Alertmanager, as docker/compose.yaml starts it. */
export class AlertmanagerServer {
  /** Its HTTP API: `/api/v2/alerts`, `/api/v2/silences`. */
  readonly api: HttpTestClient;
  readonly #process: MonitoringProcess;
  readonly #folder: string;

  private constructor(
    readonly port: number,
    folder: string,
  ) {
    this.#folder = folder;
    this.api = new HttpTestClient(`127.0.0.1:${port}`);
    this.#process = new MonitoringProcess(
      'prometheus-alertmanager',
      [
        '--config.file=alertmanager.yml',
        `--storage.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      folder,
    );
  }

  static async start({
    config,
    files = {},
  }: AlertmanagerOptions): Promise<AlertmanagerServer & AsyncDisposable> {
    const folder = mkdtempSync(join(tmpdir(), 'alertmanager-'));
    for (const [name, text] of Object.entries({ ...files, 'alertmanager.yml': config })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const server = new AlertmanagerServer(await freePort(), folder);
    await eventually('Alertmanager is ready', () => server.#isReady(), 20_000);
    return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() });
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #isReady(): Promise<boolean> {
    this.#process.check();
    return this.api.get('/-/ready').then(
      ({ status }) => status === 200,
      () => false,
    );
  }
}
