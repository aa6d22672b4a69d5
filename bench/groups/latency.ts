/** Latency at a fixed rate below saturation, counted from the moment each call was due. */
import { Collector } from '../harness/collector.ts';
import { Field } from '../harness/field.ts';
import { median, medianRatio, quantile } from '../harness/statistics.ts';
import type { World } from '../harness/target.ts';

export const CALLS_PER_SECOND = 4000;
const SETTLE_MS = 500;
const ROUND_MS = 3000;
const CONNECTIONS = 64;
/** Spans come in bursts: their counting must not keep calls from being sent and answers from being read. */
const NICENESS = 19;

export interface LatencyRow {
  readonly name: string;
  readonly title: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** To the base's, median of the rounds' ratios. */
  readonly p99Ratio: number;
}

export async function measureLatency(
  names: readonly string[],
  rounds: number,
  world: World,
): Promise<LatencyRow[]> {
  const collector = await Collector.start(NICENESS);
  const field = await Field.open('get', names, { ...world, collector });
  const samples = new Map(
    names.map((name) => [name, { p50: [] as number[], p99: [] as number[], max: [] as number[] }]),
  );
  try {
    await field.rotate(rounds, async (target) => {
      const client = await target.openHttp('get', CONNECTIONS);
      await client.runAtRate(CALLS_PER_SECOND, SETTLE_MS);
      const latencies = await client.runAtRate(CALLS_PER_SECOND, ROUND_MS);
      client.close();
      const mine = samples.get(target.spec.name);
      mine?.p50.push(median(latencies));
      mine?.p99.push(quantile(latencies, 0.99));
      mine?.max.push(quantile(latencies, 1));
    });
  } finally {
    await field.close();
    collector.stop();
  }
  const base = samples.get(names[0] ?? '');
  return field.targets.map(({ spec: { name, title } }) => {
    const { p50 = [], p99 = [], max = [] } = samples.get(name) ?? {};
    const [p50Ms, p99Ms, maxMs] = [median(p50), median(p99), median(max)];
    return { name, title, p50Ms, p99Ms, maxMs, p99Ratio: medianRatio(p99, base?.p99 ?? []) };
  });
}
