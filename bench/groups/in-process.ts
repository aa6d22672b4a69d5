/** What parts of the chassis add to a call, in one process on one core, beside other libraries where there are any. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { BENCH } from '../harness/build.ts';
import { TARGET_CORE } from '../harness/core.ts';
import { median, medianRatio } from '../harness/statistics.ts';

/** A program under `targets` with its lines; to `base` the ratios are. What is called `none` is the bare work. */
interface Comparison {
  readonly program: string;
  readonly base: string;
  readonly titles: Readonly<Record<string, string>>;
}

const POLICIES: Comparison = {
  program: 'policies',
  base: 'chassis',
  titles: {
    'none-again': 'no policy, again',
    chassis: 'chassis: retry, breaker, bulkhead, timeout',
    'chassis-alone': 'chassis: the same, with neither metrics nor spans',
    'chassis-without-retry': 'chassis: breaker, bulkhead, timeout, with neither',
    cockatiel: 'cockatiel: retry, breaker, bulkhead, timeout',
    opossum: 'opossum: breaker, bulkhead, timeout',
  },
};

const MIDDLEWARES: Comparison = {
  program: 'middlewares',
  base: 'nothing',
  titles: {
    'none-again': 'no pipeline, again',
    empty: 'no middleware',
    off: 'a middleware that is switched off',
    nothing: 'a middleware that does nothing before and after each call',
  },
};

export interface AddedRow {
  readonly name: string;
  readonly title: string;
  /** CPU µs of a call, without what the work itself costs. */
  readonly addedMicroseconds: number;
  /** To what the base adds. */
  readonly ratio: number;
  readonly rounds: readonly number[];
}

export function measurePolicies(rounds: number): AddedRow[] {
  return measure(POLICIES, rounds);
}

export function measureMiddlewares(rounds: number): AddedRow[] {
  return measure(MIDDLEWARES, rounds);
}

function measure({ program, base, titles }: Comparison, rounds: number): AddedRow[] {
  const path = join(BENCH, `dist/targets/${program}.js`);
  const command = ['-c', String(TARGET_CORE), process.execPath, path, `--rounds=${rounds}`];
  const output = execFileSync('taskset', command, { encoding: 'utf8', env: { NODE_ENV: 'production' } });
  const { none = [], ...works } = JSON.parse(output) as Record<string, readonly number[]>;
  const added = Object.entries(works).map(([name, costs]) => ({
    name,
    rounds: costs.map((cost, round) => cost - (none[round] ?? Number.NaN)),
  }));
  const ours = added.find(({ name }) => name === base)?.rounds ?? [];
  return added.map((row) => ({
    ...row,
    title: titles[row.name] ?? row.name,
    addedMicroseconds: median(row.rounds),
    ratio: medianRatio(row.rounds, ours),
  }));
}
