import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpTestClient } from './http-test-client.js';
import { eventually } from './eventually.js';
import { freePorts } from './free-ports.js';

/** Ports of one instance behind the balancer. */
export interface Backend {
  readonly name: string;
  readonly http: number;
  readonly grpc: number;
  readonly management: number;
}

/**
 * A load balancer as operators run it: it asks /readyz of the management port ten times a second and
 * sends REST and gRPC to whoever is ready. It never sends a request twice, so that a call that an
 * instance loses is lost.
 */
export class Haproxy {
  readonly http: string;
  readonly grpc: string;
  /** What it said: which instance it takes for up or down, and why. */
  readonly told: string[] = [];
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #statistics: HttpTestClient;

  private constructor(process: ChildProcess, folder: string, ports: readonly number[]) {
    this.#process = process;
    this.#folder = folder;
    this.http = `127.0.0.1:${ports[0]}`;
    this.grpc = `127.0.0.1:${ports[1]}`;
    this.#statistics = new HttpTestClient(`127.0.0.1:${ports[2]}`);
  }

  /** A port that was free may be somebody else's by now: haproxy ends then, and others are tried. */
  static async start(backends: readonly Backend[]): Promise<Haproxy> {
    for (let tries = 1; ; tries++) {
      const haproxy = await Haproxy.#launch(backends);
      if (haproxy.#process.exitCode === null) return haproxy;
      rmSync(haproxy.#folder, { recursive: true });
      if (tries === 3) throw new Error(`haproxy does not start: ${haproxy.told.join('; ')}`);
    }
  }

  static async #launch(backends: readonly Backend[]): Promise<Haproxy> {
    const ports = await freePorts(3);
    const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, configOf(backends, ports));
    // Where Debian has it, and a user's PATH does not look.
    const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };
    const child = spawn('haproxy', ['-db', '-f', file], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const haproxy = new Haproxy(child, folder, ports);
    const note = (chunk: Buffer): void =>
      void haproxy.told.push(`${new Date().toISOString()} ${chunk.toString().trim()}`);
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    await eventually('haproxy answers', () =>
      haproxy.#states().then(
        () => true,
        () => child.exitCode !== null,
      ),
    );
    return haproxy;
  }

  /** Resolves when it sends calls to the instance, or no longer does. */
  async sees(name: string, state: 'UP' | 'DOWN', limitMs = 10_000): Promise<void> {
    const isSeen = async (): Promise<boolean> => {
      const states = await this.#states();
      return states.filter((line) => line[1] === name).every((line) => line[17] === state);
    };
    await eventually(`haproxy sees ${name} ${state}`, isSeen, limitMs);
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
    rmSync(this.#folder, { recursive: true });
  }

  async #states(): Promise<string[][]> {
    const { body } = await this.#statistics.get('/;csv');
    return String(body)
      .split('\n')
      .map((line) => line.split(','));
  }
}

function configOf(backends: readonly Backend[], [http, grpc, statistics]: readonly number[]): string {
  const servers = (port: 'http' | 'grpc', extra: string): string =>
    backends
      .map((one) => `  server ${one.name} 127.0.0.1:${one[port]} check port ${one.management} ${extra}`)
      .join('\n');
  return `
global
  log stdout format raw local0 notice
defaults
  log global
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout check 5s
  retry-on none
  option httpchk GET /readyz
  default-server inter 100ms fall 2 rise 1

frontend rest
  bind 127.0.0.1:${http}
  default_backend rest
backend rest
${servers('http', '')}

frontend grpc
  bind 127.0.0.1:${grpc} proto h2
  default_backend grpc
backend grpc
${servers('grpc', 'proto h2 check-proto h1')}

listen statistics
  bind 127.0.0.1:${statistics}
  stats enable
  stats uri /
`;
}
