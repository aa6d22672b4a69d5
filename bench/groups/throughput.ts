/** CPU time a call and throughput, under closed-loop load, in interleaved rounds of one second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Field, type Tally } from '../harness/field.ts';
import { median, medianRatio } from '../harness/statistics.ts';
import type { Kind, Target, World } from '../harness/target.ts';

const ROUND_MS = 1000;
const SETTLE_MS = 1500;
const TRIES = 3;
const NULL_TEST = [0.95, 1.05] as const;

export interface ThroughputRow {
  readonly name: string;
  readonly title: string;
  /** Of all threads, exports that end after the round included. */
  readonly cpuMicroseconds: number;
  readonly callsPerSecond: number;
  /** Calls that this target makes in the CPU time of one call of the base. */
  readonly speed: number;
  readonly throughput: number;
  /** A call. */
  readonly tally: Tally;
  readonly rounds: {
    readonly cpuMicroseconds: readonly number[];
    readonly callsPerSecond: readonly number[];
  };
}

export interface Throughput {
  readonly rows: readonly ThroughputRow[];
  /** CPU time of the base's second process to the first: 1 on a machine without noise. */
  readonly nullTest: number;
  readonly isValid: boolean;
  /** Targets that did less than their duties. */
  readonly faults: readonly string[];
}

interface Series {
  readonly cpuAtStart: number[];
  readonly calls: number[];
  readonly callsPerSecond: number[];
}

/** The first of `names` is the base, the second the base again. */
export async function measureThroughput(
  kind: Kind,
  names: readonly string[],
  rounds: number,
  world: World,
): Promise<Throughput> {
  const field = await Field.open(kind, names, world);
  try {
    let result = await tryOnce(field, kind, rounds);
    for (let tries = 1; tries < TRIES && !result.isValid; tries++) {
      process.stderr.write(`Null test ${result.nullTest.toFixed(3)}: run thrown away.\n`);
      result = await tryOnce(field, kind, rounds);
    }
    return result;
  } finally {
    await field.close();
  }
}

async function tryOnce(field: Field, kind: Kind, rounds: number): Promise<Throughput> {
  const before = await field.tallies();
  const series = await runRounds(field, kind, rounds);
  const after = await field.tallies();

  const costs = new Map(field.targets.map((target) => [target, costsOf(series.get(target))]));
  const [base, again] = field.targets;
  const baseCosts = (base && costs.get(base)) ?? [];
  const baseRates = (base && series.get(base)?.callsPerSecond) ?? [];
  const rows = field.targets.map((target): ThroughputRow => {
    const { name, title } = target.spec;
    const cpu = costs.get(target) ?? [];
    const { calls = [], callsPerSecond = [] } = series.get(target) ?? {};
    return {
      name,
      title,
      cpuMicroseconds: median(cpu),
      callsPerSecond: median(callsPerSecond),
      speed: medianRatio(baseCosts, cpu),
      throughput: medianRatio(callsPerSecond, baseRates),
      tally: perCall(
        before.get(name),
        after.get(name),
        calls.reduce((sum, count) => sum + count, 0),
      ),
      rounds: {
        cpuMicroseconds: cpu,
        callsPerSecond,
      },
    };
  });
  const nullTest = medianRatio((again && costs.get(again)) ?? [], baseCosts);
  const isValid = nullTest >= NULL_TEST[0] && nullTest <= NULL_TEST[1];
  return {
    rows,
    nullTest,
    isValid,
    faults: rows.flatMap((row, place) => faultsOf(row, field.targets[place])),
  };
}

async function runRounds(field: Field, kind: Kind, rounds: number): Promise<Map<Target, Series>> {
  const series = new Map(
    field.targets.map((target): [Target, Series] => [
      target,
      { cpuAtStart: [], calls: [], callsPerSecond: [] },
    ]),
  );
  await field.rotate(rounds, async (target) => {
    const mine = series.get(target);
    mine?.cpuAtStart.push(target.cpuMicroseconds());
    const client = await target.open(kind);
    const { calls, seconds } = await client.run({ ms: ROUND_MS });
    client.close();
    mine?.calls.push(calls);
    mine?.callsPerSecond.push(calls / seconds);
  });
  await sleep(SETTLE_MS);
  for (const [target, { cpuAtStart }] of series) cpuAtStart.push(target.cpuMicroseconds());
  return series;
}

/** A round's cost runs to the target's next round: what it left to be exported is its own. */
function costsOf(series: Series | undefined): number[] {
  const { cpuAtStart = [], calls = [] } = series ?? {};
  return calls.map((count, round) => ((cpuAtStart[round + 1] ?? NaN) - (cpuAtStart[round] ?? NaN)) / count);
}

function perCall(before: Tally | undefined, after: Tally | undefined, calls: number): Tally {
  const of = (key: keyof Tally): number => ((after?.[key] ?? NaN) - (before?.[key] ?? NaN)) / calls;
  return { spans: of('spans'), lines: of('lines'), samples: of('samples') };
}

function faultsOf({ name, tally }: ThroughputRow, target: Target | undefined): string[] {
  const { spans = 0, logs, histogram } = target?.spec.duties ?? {};
  const faults: string[] = [];
  if (tally.spans < spans * 0.99) faults.push(`${name}: ${tally.spans.toFixed(2)} spans a call`);
  if (logs && tally.lines < 0.99) faults.push(`${name}: ${tally.lines.toFixed(2)} log lines a call`);
  if (histogram && Math.abs(tally.samples - 1) > 0.01)
    faults.push(`${name}: ${tally.samples.toFixed(2)} histogram samples a call`);
  return faults;
}
