import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './free-ports.js';
import { HttpTestClient } from './http-test-client.js';
import { MonitoringProcess } from './monitoring-program.js';

/** One series of an instant query's answer. */
export interface QuerySample {
  readonly metric: Readonly<Record<string, string>>;
  /** Time in seconds since 1970, and the value as Prometheus writes it. */
  readonly value: readonly [number, string];
}

/** An alert as `/api/v1/alerts` tells it. */
export interface ActiveAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

export interface PrometheusOptions {
  /** `prometheus.yml`; its paths are relative to the folder of `files`. */
  readonly config: string;
  /** What it names, by file name: rules, targets. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A real Prometheus with exemplar storage, as docker/compose.yaml starts it. */
export class PrometheusServer {
  readonly #process: MonitoringProcess;
  readonly #folder: string;
  readonly #api: HttpTestClient;

  private constructor(
    readonly port: number,
    folder: string,
  ) {
    this.#folder = folder;
    this.#api = new HttpTestClient(`127.0.0.1:${port}`);
    this.#process = new MonitoringProcess(
      'prometheus',
      [
        '--config.file=prometheus.yml',
        `--storage.tsdb.path=${join(folder, 'data')}`,
        '--enable-feature=exemplar-storage',
        '--web.enable-lifecycle',
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      folder,
    );
  }

  static async start({ config, files = {} }: PrometheusOptions): Promise<PrometheusServer & AsyncDisposable> {
    const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
    for (const [name, text] of Object.entries({ ...files, 'prometheus.yml': config }))
      writeFileSync(join(folder, name), text);
    const server = new PrometheusServer(await freePort(), folder);
    await eventually('Prometheus is ready', () => server.#isReady(), 20_000);
    return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() });
  }

  /** An instant query. @throws Error with what Prometheus says of a query that it does not take */
  async query(expression: string): Promise<readonly QuerySample[]> {
    const data = await this.get<{ result: readonly QuerySample[] }>(
      `/api/v1/query?query=${encodeURIComponent(expression)}`,
    );
    return data.result;
  }

  /** Alerts that are pending or firing. */
  async alerts(): Promise<readonly ActiveAlert[]> {
    return (await this.get<{ alerts: readonly ActiveAlert[] }>('/api/v1/alerts')).alerts;
  }

  /** `data` of an answer of Prometheus' HTTP API. @throws Error with its message otherwise */
  async get<T>(path: string): Promise<T> {
    this.#process.check();
    const { body } = await this.#api.get(path);
    const answer = body as { status: string; data: T; error?: string };
    if (answer.status !== 'success') throw new Error(`Prometheus: ${answer.error ?? JSON.stringify(body)}`);
    return answer.data;
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #isReady(): Promise<boolean> {
    this.#process.check();
    return this.#api.get('/-/ready').then(
      ({ status }) => status === 200,
      () => false,
    );
  }
}
