import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { quantile } from '../../bench/harness/statistics.ts';
import { RawConnection } from '../support/raw-connection.js';
import { eventually } from '../support/index.js';
import { startProcess } from '../support/service-process.js';

const ATTACKERS = 200;
/** Each attacker sends one byte so often, in milliseconds, and comes back when it was refused. */
const TRICKLE_MS = 1000;
const HEADERS_TIMEOUT_MS = 2500;
const CALLERS = 4;
/** Between two calls of a caller, in milliseconds: the service is busy, not overloaded. */
const PAUSE_MS = 2;
const isSoak = Boolean(process.env['SOAK']);
/** Phases with and without attackers take turns, so that a slow moment of the machine hits both alike. */
const ROUNDS = isSoak ? 15 : 5;
const PHASE_MS = isSoak ? 4000 : 1000;
const CALL = 'GET /echo/word HTTP/1.1\r\nHost: test\r\n\r\n';

/** Clients that never finish their headers. */
class Attack {
  readonly #open = new Set<RawConnection>();
  readonly #ended: Promise<unknown>;
  #isOn = true;
  #refused = 0;

  constructor(address: string) {
    this.#ended = Promise.all(Array.from({ length: ATTACKERS }, () => this.#attack(address)));
  }

  /** Those that are connected. */
  get open(): number {
    return this.#open.size;
  }

  /** Answers 408 so far. */
  get refused(): number {
    return this.#refused;
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    for (const connection of this.#open) connection.destroy();
    await this.#ended;
  }

  async #attack(address: string): Promise<void> {
    while (this.#isOn) {
      const connection = await RawConnection.open(address);
      this.#open.add(connection);
      connection.write('GET /echo/word HTTP/1.1\r\nHost: test\r\nX-Slow: ');
      while (this.#isOn && connection.isOpen) {
        await Promise.race([sleep(TRICKLE_MS, undefined, { ref: false }), connection.closed]);
        connection.write('y');
      }
      connection.destroy();
      this.#open.delete(connection);
      if (connection.text.startsWith('HTTP/1.1 408')) this.#refused += 1;
    }
  }
}

/** The latencies of calls one after the other, in milliseconds. */
async function callFor(durationMs: number, caller: RawConnection): Promise<number[]> {
  const latencies: number[] = [];
  const end = performance.now() + durationMs;
  while (performance.now() < end) {
    const begin = performance.now();
    expect(await caller.ask(CALL)).toMatch(/^HTTP\/1\.1 200 /);
    latencies.push(performance.now() - begin);
    await sleep(PAUSE_MS);
  }
  return latencies;
}

async function p99Of(callers: readonly RawConnection[]): Promise<number> {
  const latencies = await Promise.all(callers.map((caller) => callFor(PHASE_MS, caller)));
  return quantile(latencies.flat(), 0.99);
}

test(`${ATTACKERS} slow clients do not slow the others`, { timeout: 300_000 }, async () => {
  await using service = await startProcess({
    program: join(import.meta.dirname, '../process/fixtures/echo-service.ts'),
    keepsLines: false,
    env: { HTTP_HEADERS_TIMEOUT_MS: String(HEADERS_TIMEOUT_MS) },
  });
  await service.ready();
  const address = service.address('http');
  const callers = await Promise.all(Array.from({ length: CALLERS }, () => RawConnection.open(address)));
  await p99Of(callers);
  const quiet: number[] = [];
  const attacked: number[] = [];
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    quiet.push(await p99Of(callers));
    const attack = new Attack(address);
    await eventually('all attackers are connected', () => attack.open === ATTACKERS);
    // The last one's first phase is long enough for the limit to act.
    attacked.push(await p99Of(callers));
    if (round === ROUNDS - 1) await eventually('attackers are refused', () => attack.refused >= ATTACKERS);
    await attack.stop();
    refused += attack.refused;
  }
  // The rounds that the rest of the machine has disturbed least: attackers that slow the others do it in each.
  const ratio = Math.min(...attacked) / Math.min(...quiet);
  const show = (values: readonly number[]) => `${Math.min(...values).toFixed(2)} ms`;
  process.stdout.write(
    `slow loris: p99 ${show(quiet)} without, ${show(attacked)} with ${ATTACKERS} attackers (${ratio.toFixed(2)}×), ${refused} answers 408\n`,
  );
  expect(ratio).toBeLessThan(2);
  for (const caller of callers) caller.destroy();
});
