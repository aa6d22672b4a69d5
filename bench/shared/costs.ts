/** What different ways to do the same work cost, measured in turns within one process. */
import { parseArgs } from 'node:util';

const WARM_UP_CALLS = 50_000;
/** A round has short turns, so that a machine's slow moments hit all alike. */
const TURNS = 10;
const CALLS = 5000;

export type Work = () => Promise<unknown>;

/** Writes `{ name: [CPU µs a call, round by round] }` to standard output; `--rounds=5`. */
export async function tellCosts(works: ReadonlyMap<string, Work>): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
  const measured = await runRounds([...works], Number(values.rounds));
  process.stdout.write(JSON.stringify(measured));
}

async function runRounds(
  works: readonly (readonly [string, Work])[],
  rounds: number,
): Promise<Record<string, number[]>> {
  const measured = Object.fromEntries(works.map(([name]) => [name, [] as number[]]));
  for (const [, work] of works) await callMany(work, WARM_UP_CALLS);
  for (let round = 0; round < rounds; round++) {
    const sums = new Map<string, number>();
    for (let turn = 0; turn < TURNS; turn++)
      for (const place of works.keys()) {
        const [name, work] = works[(place + turn) % works.length] as (typeof works)[number];
        sums.set(name, (sums.get(name) ?? 0) + (await cpuMicrosecondsOf(work)) / TURNS);
      }
    for (const [name, sum] of sums) measured[name]?.push(sum);
  }
  return measured;
}

async function cpuMicrosecondsOf(work: Work): Promise<number> {
  const before = process.cpuUsage();
  await callMany(work, CALLS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

async function callMany(work: Work, calls: number): Promise<void> {
  for (let call = 0; call < calls; call++) await work();
}
