import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PolicyRegistry } from '#chassis/resilience';
import { startDependency, type Dependency } from '../support/dependent.js';
import { beginFault, endFaults } from '../support/faulty.js';
import { eventually, order, Probes } from '../support/index.js';

const IS_SOAK = Boolean(process.env['SOAK']);
const TIMEOUT_MS = 200;
const FALLBACK_MS = 800;
/** Whatever the dependency does: an attempt that fails at its limit, then the fallback at its own. */
const LIMIT_MS = TIMEOUT_MS + FALLBACK_MS;
const WINDOW_MS = 3000;
const RETRY_MS = 300;
const CALL_EVERY_MS = 10;
/** How long a fault stays after it was noticed. */
const FAULTY_MS = IS_SOAK ? 10_000 : 250;
const HEALTHY_MS = IS_SOAK ? 5000 : 150;
/** A probe succeeds at the latest so long after the recovery; the rest is patience with a busy machine. */
const CLOSES_MS = RETRY_MS + 4000;
/** No fault lasts as long: the attempt's own limit ends it. */
const SLOW_MS = 60_000;

const policy = {
  timeoutMs: TIMEOUT_MS,
  breaker: {
    statIntervalMs: WINDOW_MS,
    minRequestAmount: 10,
    threshold: 0.3,
    retryTimeoutMs: RETRY_MS,
    probeNum: 3,
  },
  fallback: [{ name: 'static', timeoutMs: FALLBACK_MS, value: order('fallback') }],
};

let services: Dependency & AsyncDisposable;
beforeAll(async () => {
  services = await startDependency(policy);
});
afterAll(() => services[Symbol.asyncDispose]());

const SIDES = [
  {
    name: 'rest',
    over: 'REST',
    everything: { routes: ['/upstream'] },
    call: async () => ((await services.dependent.http.get('/dependent')).body as { reason: string }).reason,
  },
  {
    name: 'grpc',
    over: 'gRPC',
    everything: { rpcs: ['probe.v1.*'] },
    call: async () => (await services.dependent.grpc.unary(Probes.unary, order('upstream'))).reason,
  },
] as const;

/** Calls at a steady pace, and what their callers saw. */
class Load {
  readonly timesMs: number[] = [];
  readonly answers = new Map<string, number>();
  readonly #open = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly call: () => Promise<string>) {
    this.#timer = setInterval(() => {
      const open = this.#one().finally(() => this.#open.delete(open));
      this.#open.add(open);
    }, CALL_EVERY_MS);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  async #one(): Promise<void> {
    const begin = performance.now();
    const answer = await this.call().catch((error: Error) => error.message);
    this.timesMs.push(performance.now() - begin);
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }
}

/** Milliseconds since the fault began, of what happened. */
class Timeline {
  readonly #begin = performance.now();
  readonly #events: string[] = [];

  note(event: string): number {
    const ms = performance.now() - this.#begin;
    this.#events.push(`${event} +${ms.toFixed(0)} ms`);
    return ms;
  }

  print(title: string, { timesMs, answers }: Load): number {
    const times = timesMs.toSorted((a, b) => a - b);
    const at = (quantile: number): number => times[Math.floor(times.length * quantile)] ?? 0;
    process.stdout.write(
      `${title}: ${this.#events.join(', ')}; ${times.length} calls ` +
        `(${[...answers].map(([name, count]) => `${count} ${name}`).join(', ')}), ` +
        `p50 ${at(0.5).toFixed(0)} ms, p99 ${at(0.99).toFixed(0)} ms\n`,
    );
    return at(0.99);
  }
}

interface FaultyTime {
  readonly name: string;
  /** Makes the dependency faulty from now on; what it gives ends that. */
  readonly begin: (side: (typeof SIDES)[number]) => Promise<() => Promise<void>>;
}

const upstream = (fault: object) => async (side: (typeof SIDES)[number]) => {
  await beginFault(services.upstream, { ...fault, ...side.everything });
  return () => endFaults(services.upstream);
};

const FAULTS: readonly FaultyTime[] = [
  { name: 'slow', begin: upstream({ kind: 'latency', delayMs: SLOW_MS }) },
  { name: 'failing', begin: upstream({ kind: 'abort', code: 'INTERNAL' }) },
  {
    name: 'flapping',
    begin: async (side) => {
      const flaps = new AbortController();
      const flapping = (async () => {
        while (!flaps.signal.aborted) {
          // Each ends by itself, before the next begins.
          const fault = { kind: 'abort', code: 'UNAVAILABLE', durationMs: 250, ...side.everything };
          await beginFault(services.upstream, fault);
          await sleep(350);
        }
        await endFaults(services.upstream);
      })();
      return async () => {
        flaps.abort();
        await flapping;
      };
    },
  },
  {
    name: 'dead',
    begin: async ({ name }) => {
      await beginFault(services.dependent, { kind: 'unavailable', dependencies: [`client:${name}`] });
      return () => endFaults(services.dependent);
    },
  },
];

describe.each(SIDES)('a dependency over $over', (side) => {
  test.each(FAULTS)(
    'that is $name: the breaker opens in its window, callers have the fallback in time, it closes again',
    { timeout: 120_000 },
    async ({ name, begin }) => {
      const stateOf = () => services.dependent.get(PolicyRegistry).find(side.name)?.breaker?.state;
      const load = new Load(side.call);
      await eventually('calls are answered', () => load.answers.size > 0);
      await sleep(HEALTHY_MS);
      expect([...load.answers.keys()]).toEqual(['upstream']);
      expect(stateOf()).toBe('closed');

      const timeline = new Timeline();
      const recover = await begin(side);
      timeline.note('fault');
      await eventually('the breaker opens', () => stateOf() === 'open', WINDOW_MS * 3);
      const openedMs = timeline.note('open');
      await sleep(FAULTY_MS);
      await recover();
      const recoveredMs = timeline.note('recovered');
      await eventually('the breaker closes', () => stateOf() === 'closed', CLOSES_MS);
      const closedMs = timeline.note('closed');
      await sleep(HEALTHY_MS);
      await load.end();
      const p99 = timeline.print(`${side.over}, ${name}`, load);

      expect(openedMs).toBeLessThan(WINDOW_MS);
      expect(closedMs - recoveredMs).toBeLessThan(CLOSES_MS);
      expect(p99).toBeLessThan(LIMIT_MS);
      expect([...load.answers.keys()].toSorted()).toEqual(['fallback', 'upstream']);
      expect(await side.call()).toBe('upstream');
    },
  );
});
