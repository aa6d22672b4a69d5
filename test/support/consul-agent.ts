import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.js';
import { freePorts } from './free-ports.js';

/** A real Consul in memory, with ACLs. */
export class ConsulAgent {
  readonly url: string;
  #process: ChildProcess | undefined;

  private constructor(
    readonly token: string,
    private readonly ports: readonly number[],
  ) {
    this.url = `http://127.0.0.1:${ports[0]}`;
  }

  static async create(token: string): Promise<ConsulAgent> {
    return new ConsulAgent(token, await freePorts(4));
  }

  async start(): Promise<void> {
    const [http, server, lan, wan] = this.ports;
    const acl = `acl { enabled = true default_policy = "deny" tokens { initial_management = "${this.token}" } }`;
    const ports = `ports { http = ${http} server = ${server} serf_lan = ${lan} serf_wan = ${wan} dns = -1 grpc = -1 grpc_tls = -1 }`;
    this.#process = spawn('consul', ['agent', '-dev', '-bind=127.0.0.1', '-hcl', acl, '-hcl', ports], {
      stdio: 'ignore',
    });
    await eventually(
      'Consul takes keys',
      () =>
        this.put('ready', 'yes').then(
          () => true,
          () => false,
        ),
      30_000,
    );
  }

  async kill(): Promise<void> {
    const agent = this.#process;
    if (!agent || agent.exitCode !== null || agent.signalCode !== null) return;
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  }

  put(key: string, value: string | Buffer): Promise<void> {
    return this.#ask(key, { method: 'PUT', body: value });
  }

  delete(key: string): Promise<void> {
    return this.#ask(key, { method: 'DELETE' });
  }

  async #ask(key: string, init: RequestInit): Promise<void> {
    const answer = await fetch(`${this.url}/v1/kv/${key}`, {
      ...init,
      headers: { 'x-consul-token': this.token },
    });
    if (!answer.ok) throw new Error(`Consul answers ${answer.status}`);
  }
}
