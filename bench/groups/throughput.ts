/** CPU time a call and throughput, under closed-loop load, in interleaved rounds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Field, type Tally } from '../harness/field.ts';
import type { Load, LoadClient } from '../harness/load.ts';
import { median, medianRatio, sum } from '../harness/statistics.ts';
import type { Kind, Target, World } from '../harness/target.ts';

/** A round gives each target a second, in turns short enough for a machine's slow moments to hit all alike. */
const TURNS = 4;
const TURN_MS = 250;
const SETTLE_MS = 1500;
const TRIES = 2;
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

/** Turn by turn. */
interface Series {
  readonly cpuAtStart: number[];
  readonly loads: Load[];
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
  const series = await runTurns(field, kind, rounds * TURNS);
  const after = await field.tallies();

  const measured = field.targets.map((target) => byRound(series.get(target)));
  const [base, again] = measured;
  const rows = field.targets.map(({ spec: { name, title } }, place): ThroughputRow => {
    const { cpuMicroseconds = [], callsPerSecond = [], calls = 0 } = measured[place] ?? {};
    return {
      name,
      title,
      cpuMicroseconds: median(cpuMicroseconds),
      callsPerSecond: median(callsPerSecond),
      speed: medianRatio(base?.cpuMicroseconds ?? [], cpuMicroseconds),
      throughput: medianRatio(callsPerSecond, base?.callsPerSecond ?? []),
      tally: perCall(before.get(name), after.get(name), calls),
      rounds: { cpuMicroseconds, callsPerSecond },
    };
  });
  const nullTest = medianRatio(again?.cpuMicroseconds ?? [], base?.cpuMicroseconds ?? []);
  const isValid = nullTest >= NULL_TEST[0] && nullTest <= NULL_TEST[1];
  return {
    rows,
    nullTest,
    isValid,
    faults: rows.flatMap((row, place) => faultsOf(row, field.targets[place])),
  };
}

/** Connections stay open throughout: only the first round would pay for them. */
async function runTurns(field: Field, kind: Kind, turns: number): Promise<Map<Target, Series>> {
  const series = new Map<Target, Series>();
  const clients = new Map<Target, LoadClient>();
  for (const target of field.targets) {
    clients.set(target, await target.open(kind));
    series.set(target, { cpuAtStart: [], loads: [] });
  }
  await field.rotate(turns, async (target) => {
    const mine = series.get(target);
    mine?.cpuAtStart.push(target.cpuMicroseconds());
    const load = await clients.get(target)?.run({ ms: TURN_MS });
    if (load) mine?.loads.push(load);
  });
  await sleep(SETTLE_MS);
  for (const [target, { cpuAtStart }] of series) cpuAtStart.push(target.cpuMicroseconds());
  for (const client of clients.values()) client.close();
  return series;
}

/** A round's cost runs to the target's next round: what it left to be exported is its own. */
function byRound(series: Series | undefined): ThroughputRow['rounds'] & { readonly calls: number } {
  const { cpuAtStart = [], loads = [] } = series ?? {};
  const cpuMicroseconds: number[] = [];
  const callsPerSecond: number[] = [];
  for (let turn = 0; turn < loads.length; turn += TURNS) {
    const round = loads.slice(turn, turn + TURNS);
    const calls = sum(round.map((load) => load.calls));
    cpuMicroseconds.push(((cpuAtStart[turn + TURNS] ?? NaN) - (cpuAtStart[turn] ?? NaN)) / calls);
    callsPerSecond.push(calls / sum(round.map((load) => load.seconds)));
  }
  return { cpuMicroseconds, callsPerSecond, calls: sum(loads.map((load) => load.calls)) };
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
