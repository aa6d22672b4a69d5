import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { PROJECT } from '../support/build.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';

const IS_SOAK = process.env['SOAK'] !== undefined;
/** Of the loop's time for each call. */
const BUSY_MS = 5;
const OVERLOAD = 3;
const OVERLOAD_SECONDS = IS_SOAK ? 30 : 3;
const CALM_SECONDS = IS_SOAK ? 20 : 2;
const WARM_UP_SECONDS = IS_SOAK ? 5 : 1;
/** The load is judged from then on: an overload has to be there before it can be seen. */
const SETTLED_MS = IS_SOAK ? 0 : 1000;
const RECOVERY_MS = 5000;
const GENERATORS = 2;
const CRITICAL_SHARE = 0.1;
const program = join(import.meta.dirname, 'fixtures/busy-service.ts');
const generator = join(import.meta.dirname, 'fixtures/open-load.ts');

interface Route {
  readonly name: string;
  readonly transport: 'http' | 'grpc';
  /** Whether calls share connections. */
  readonly keepsAlive: boolean;
  /** Least share of the capacity that goes on under overload. */
  readonly goodput: number;
  /** Most times as long as unloaded that one of a hundred admitted calls takes longer than. */
  readonly slower: number;
}

/**
 * What waits to be accepted is seen one by one: a connection for each call makes the beginning of an overload worse,
 * and a machine that is busy with other things cannot even refuse so many.
 */
const ANEW: Route = {
  name: 'http, each on its own connection',
  transport: 'http',
  keepsAlive: false,
  goodput: 0.7,
  slower: 50,
};
const ROUTES: readonly Route[] = [
  { name: 'http', transport: 'http', keepsAlive: true, goodput: 0.85, slower: 3 },
  ...(IS_SOAK ? [ANEW] : []),
  { name: 'grpc', transport: 'grpc', keepsAlive: true, goodput: 0.85, slower: 3 },
];

type Result = readonly [
  critical: 0 | 1,
  beganMs: number,
  tookMs: number,
  outcome: 'ok' | 'refused' | 'failed',
];

interface Load extends Route {
  /** 0 = as many as are answered. */
  readonly perSecond: number;
  readonly seconds: number;
}

/** What the callers saw, as one line of the table. */
interface Seen {
  readonly offered: number;
  /** Calls answered well, a second of the load. */
  readonly goodput: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Shares, 0 to 1. */
  readonly refused: number;
  readonly failed: number;
  readonly criticalServed: number;
}

/** Processes of their own make the load, so that it goes on however busy the service is. */
async function send(
  service: ServiceProcess,
  { transport, keepsAlive, perSecond, seconds }: Load,
): Promise<Result[]> {
  const order = {
    transport,
    keepsAlive,
    address: service.address(transport),
    perSecond: perSecond / GENERATORS,
    concurrency: 4,
    seconds,
    critical: CRITICAL_SHARE,
  };
  const results = await Promise.all(
    Array.from({ length: GENERATORS }, () => generate(JSON.stringify(order))),
  );
  return results.flat();
}

function generate(order: string): Promise<Result[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(...onCore(1, process.execPath, generator), {
      cwd: PROJECT,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('close', (code) =>
      code === 0
        ? resolve(JSON.parse(Buffer.concat(chunks).toString()) as Result[])
        : reject(new Error(`the load generator ended with ${code}`)),
    );
    child.stdin.end(order);
  });
}

/** Figures need a core for the service that callers keep off. */
function onCore(core: number, program: string, ...args: string[]): [string, string[]] {
  return IS_SOAK ? ['taskset', ['-c', String(core), program, ...args]] : [program, args];
}

function look(results: readonly Result[], seconds: number, fromMs = 0): Seen {
  const all = results.filter(([, beganMs]) => beganMs >= fromMs);
  const served = all.filter(([, , , outcome]) => outcome === 'ok');
  const times = served.map(([, , tookMs]) => tookMs).toSorted((a, b) => a - b);
  const critical = all.filter(([isCritical]) => isCritical === 1);
  const countOf = (outcome: Result[3]): number => all.filter((result) => result[3] === outcome).length;
  const windowMs = seconds * 1000;
  // What is answered after the load has ended was no use to it.
  const inTime = served.filter(([, beganMs, tookMs]) => beganMs + tookMs <= windowMs).length;
  return {
    offered: all.length / (seconds - fromMs / 1000),
    goodput: inTime / (seconds - fromMs / 1000),
    p50Ms: times[Math.floor(times.length * 0.5)] ?? Infinity,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? Infinity,
    refused: countOf('refused') / all.length,
    failed: countOf('failed') / all.length,
    criticalServed: critical.filter(([, , , outcome]) => outcome === 'ok').length / critical.length,
  };
}

function tell(name: string, { offered, goodput, p50Ms, p99Ms, refused, failed, criticalServed }: Seen): void {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`.padStart(8);
  process.stdout.write(
    `${name.padEnd(66)} ${offered.toFixed(0).padStart(5)}/s offered ${goodput.toFixed(0).padStart(5)}/s served ` +
      `p50 ${p50Ms.toFixed(1).padStart(8)} ms p99 ${p99Ms.toFixed(1).padStart(8)} ms ` +
      `refused ${percent(refused)} failed ${percent(failed)} critical served ${percent(criticalServed)}\n`,
  );
}

async function start(env: Record<string, string>): Promise<ServiceProcess & AsyncDisposable> {
  const common = { BUSY_MS: String(BUSY_MS), LOG_LEVEL: 'error', MAX_DEADLINE_MS: '60000' };
  const service = await startProcess({ program, env: { ...common, ...env }, keepsLines: false });
  if (IS_SOAK) execFileSync('taskset', ['-acp', '0', String(service.pid)]);
  return service;
}

/** Overloads the service; then looks at it with a third of what it can do. */
async function expectAtWork(service: ServiceProcess, route: Route, capacity: number) {
  const load = { ...route, perSecond: capacity * OVERLOAD, seconds: OVERLOAD_SECONDS };
  const overloaded = look(await send(service, load), OVERLOAD_SECONDS, SETTLED_MS);
  tell(`${route.name}: ${OVERLOAD} times as many, shedding`, overloaded);
  await sleep(RECOVERY_MS / 5);
  const third = { ...route, perSecond: capacity * 0.3, seconds: CALM_SECONDS };
  const after = look(await send(service, third), CALM_SECONDS);
  tell(`${route.name}: a second after it, a third`, after);

  expect(overloaded.failed).toBe(0);
  expect(overloaded.refused).toBeGreaterThan(0.1);
  expect(overloaded.criticalServed).toBeGreaterThan(IS_SOAK ? 0.99 : 1 - overloaded.refused);
  expect(after.failed).toBe(0);
  return { load, overloaded, after };
}

describe.each(ROUTES)('over $name', (route) => {
  const { name } = route;
  test(
    `an overload of ${OVERLOAD} times what can be done leaves the service at work`,
    { timeout: 300_000 },
    async () => {
      // A call may wait about as long as one takes.
      const shedding = { LOAD_SHEDDING: 'on', LOAD_SHEDDING_DELAY_MS: String(BUSY_MS) };
      await using service = await start({ ...shedding, LOG_LEVEL: 'info' });
      await service.ready();
      await send(service, { ...route, perSecond: 0, seconds: WARM_UP_SECONDS });
      // What it can do at most, where the machine may be busy with other things: three times that is too much.
      if (!IS_SOAK) {
        await expectAtWork(service, route, 1000 / BUSY_MS);
        return;
      }
      await using unguarded = await start({ LOAD_SHEDDING: 'off', LOG_LEVEL: 'info' });
      await unguarded.ready();
      const most = { ...route, perSecond: 0, seconds: WARM_UP_SECONDS };
      await send(unguarded, most);
      const atCapacity = look(await send(unguarded, { ...most, seconds: CALM_SECONDS }), CALM_SECONDS);
      tell(`${name}: as many as are answered`, atCapacity);
      const capacity = atCapacity.goodput;
      const calm = { ...route, perSecond: capacity * 0.1, seconds: CALM_SECONDS };
      const unloaded = look(await send(service, calm), CALM_SECONDS);
      tell(`${name}: a tenth of that`, unloaded);
      const { load, overloaded, after } = await expectAtWork(service, route, capacity);
      const withoutLoad = { ...load, seconds: Math.min(OVERLOAD_SECONDS, 10) };
      const without = look(await send(unguarded, withoutLoad), withoutLoad.seconds, SETTLED_MS);
      tell(`${name}: ${OVERLOAD} times, without shedding`, without);
      // Figures: only where nothing else keeps the machine busy.
      expect(overloaded.goodput).toBeGreaterThan(route.goodput * capacity);
      expect(overloaded.p99Ms).toBeLessThan(route.slower * unloaded.p99Ms);
      expect(after.refused).toBeLessThan(0.01);
      expect(after.p99Ms).toBeLessThan(atCapacity.p99Ms);
      expect(without.p99Ms).toBeGreaterThan(10 * overloaded.p99Ms);
    },
  );
});

test('of several workers each sheds for itself', { timeout: 180_000 }, async () => {
  await using service = await start({ WORKERS: '2', LOAD_SHEDDING: 'on', LOG_LEVEL: 'info' });
  await service.ready();
  expect((await service.http.get('/busy/usual')).status).toBe(200);
  expect((await service.management.get('/load-shedding')).body).toMatchObject({
    mode: 'on',
    isShedding: false,
  });
  const { body } = await service.management.get('/metrics');
  expect(body).toMatch(/^load_shedding_active\{worker="1"\} 0$/m);
  expect(body).toMatch(/^load_shedding_active\{worker="2"\} 0$/m);
});
