/**
 * Calls a service over REST and gRPC at a steady rate, until SIGTERM. What it calls it finds by itself: REST in
 * `/openapi.json`, gRPC in `contracts/descriptors.binpb`; so it knows no feature. A share of the calls is wrong on
 * purpose.
 *
 * LOAD_REST_URL, LOAD_GRPC_ADDRESS, LOAD_RATE (calls a second, 10), LOAD_ERROR_RATIO (0 to 1, 0.05).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { grpcCalls } from './grpc-calls.ts';
import { LoadRunner } from './load-runner.ts';
import { restCalls, type OpenApi } from './rest-calls.ts';
import { SampleMaker } from './sample-maker.ts';

const COUNTS_EVERY_MS = 10_000;
const {
  LOAD_REST_URL: restUrl = 'http://127.0.0.1:3000',
  LOAD_GRPC_ADDRESS: grpcAddress = '127.0.0.1:50051',
  LOAD_RATE: rate = '10',
  LOAD_ERROR_RATIO: errorRatio = '0.05',
} = process.env;

const faults = [
  Number(rate) > 0 && Number(rate) <= 1000 ? [] : ['LOAD_RATE has to be above 0, 1000 at most'],
  Number(errorRatio) >= 0 && Number(errorRatio) <= 1 ? [] : ['LOAD_ERROR_RATIO has to be from 0 to 1'],
  URL.canParse(restUrl) ? [] : ['LOAD_REST_URL has to be an address such as http://service:3000'],
].flat();
if (faults.length > 0) {
  log('error', faults.join('; '));
  process.exit(1);
}

const isOver = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => isOver.abort());

const openApi = await describedRest();
if (openApi) {
  const samples = new SampleMaker(openApi);
  const calls = [...restCalls(openApi, samples, restUrl), ...grpcCalls(samples, grpcAddress)];
  log('info', 'load begins', { calls: calls.map(({ name }) => name), rate: Number(rate) });
  const runner = new LoadRunner(calls, { rate: Number(rate), errorRatio: Number(errorRatio) });
  const timer = setInterval(() => log('info', 'load', runner.takeCounts()), COUNTS_EVERY_MS);
  await runner.run(isOver.signal);
  clearInterval(timer);
  log('info', 'load ends', runner.takeCounts());
}

/** Waits for the service; nothing when the load was ended before. */
async function describedRest(): Promise<OpenApi | undefined> {
  while (!isOver.signal.aborted) {
    try {
      const response = await fetch(new URL('/openapi.json', restUrl), { signal: isOver.signal });
      if (response.ok) return (await response.json()) as OpenApi;
      log('warn', `${restUrl}/openapi.json answered ${response.status}: trying again`);
    } catch (error) {
      if (!isOver.signal.aborted)
        log('warn', `${restUrl} does not answer: trying again`, { cause: String(error) });
    }
    await sleep(2000, undefined, { signal: isOver.signal }).catch(() => undefined);
  }
  return undefined;
}

function log(level: string, msg: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, msg, ...fields })}\n`);
}
