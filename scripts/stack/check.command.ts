/**
 * `make test-logs`, `make test-metrics`, `make test-traces`: makes calls to the service of the running stack and
 * looks for them in Loki, Prometheus or Tempo.
 *
 * `node scripts/stack/check.command.ts logs|metrics|traces`; SERVICE_URL, LOKI_URL, PROMETHEUS_URL and TEMPO_URL name
 * other addresses, STACK_CHECK_TIMEOUT_S (90) how long it looks.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { makeMarkedCall, type MarkedCall } from './marked-call.ts';
import { loki, prometheus, tempo, type Store } from './stores.ts';

const { env } = process;
const STORES: Readonly<Record<string, () => Store>> = {
  logs: () => loki(env['LOKI_URL'] ?? 'http://127.0.0.1:3100'),
  metrics: () => prometheus(env['PROMETHEUS_URL'] ?? 'http://127.0.0.1:9090'),
  traces: () => tempo(env['TEMPO_URL'] ?? 'http://127.0.0.1:3200'),
};
const HINTS: Readonly<Record<string, string>> = {
  Loki: 'Its way: service → volume service-log → log-shipper → collector → Loki. See the logs of these containers.',
  Prometheus: 'Its way: Prometheus scrapes service:9464. See http://127.0.0.1:9090/targets.',
  Tempo: 'Its way: service → collector (10 s until it decides) → Tempo. See the logs of these containers.',
};
const CALL_EVERY_MS = 2000;

const store = STORES[process.argv[2] ?? '']?.();
if (store) {
  await check(store, Number(env['STACK_CHECK_TIMEOUT_S'] ?? 90)).catch((error: unknown) => {
    console.error(`✗ ${(error as Error).message}`);
    process.exitCode = 1;
  });
} else {
  console.error('Usage: node scripts/stack/check.command.ts logs|metrics|traces');
  process.exitCode = 2;
}

async function check(place: Store, limitS: number): Promise<void> {
  const begin = Date.now();
  const calls: MarkedCall[] = [];
  while (Date.now() - begin < limitS * 1000) {
    calls.push(await makeMarkedCall(env['SERVICE_URL'] ?? 'http://127.0.0.1:3000'));
    const found = await place.find(calls);
    if (found !== undefined) {
      console.log(`✓ found in ${place.name} after ${((Date.now() - begin) / 1000).toFixed(0)} s: ${found}`);
      return;
    }
    await sleep(CALL_EVERY_MS);
  }
  throw new Error(
    `None of ${calls.length} calls was in ${place.name} after ${limitS} s. ${HINTS[place.name] ?? ''}`,
  );
}
