/** What a stack of policies costs while nothing fails, beside other libraries', in one process on one core. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { BENCH } from '../harness/build.ts';
import { TARGET_CORE } from '../harness/core.ts';
import { median, medianRatio } from '../harness/statistics.ts';

const TITLES: Readonly<Record<string, string>> = {
  none: 'no policy',
  'none-again': 'no policy, again',
  chassis: 'chassis: retry, breaker, bulkhead, timeout',
  'chassis-alone': 'chassis: the same, with neither metrics nor spans',
  'chassis-without-retry': 'chassis: breaker, bulkhead, timeout, with neither',
  cockatiel: 'cockatiel: retry, breaker, bulkhead, timeout',
  opossum: 'opossum: breaker, bulkhead, timeout',
};

export interface PolicyRow {
  readonly name: string;
  readonly title: string;
  /** Of a call, without what the work itself costs. */
  readonly addedMicroseconds: number;
  /** To what the chassis adds. */
  readonly ratio: number;
  readonly rounds: readonly number[];
}

export function measurePolicies(rounds: number): PolicyRow[] {
  const program = join(BENCH, 'dist/targets/policies.js');
  const command = ['-c', String(TARGET_CORE), process.execPath, program, `--rounds=${rounds}`];
  const output = execFileSync('taskset', command, { encoding: 'utf8', env: { NODE_ENV: 'production' } });
  const { none = [], ...stacks } = JSON.parse(output) as Record<string, readonly number[]>;
  const added = Object.entries(stacks).map(([name, costs]) => ({
    name,
    rounds: costs.map((cost, round) => cost - (none[round] ?? Number.NaN)),
  }));
  const ours = added.find(({ name }) => name === 'chassis')?.rounds ?? [];
  return added.map((row) => ({
    ...row,
    title: TITLES[row.name] ?? row.name,
    addedMicroseconds: median(row.rounds),
    ratio: medianRatio(row.rounds, ours),
  }));
}
