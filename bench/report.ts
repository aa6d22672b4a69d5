import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { goals, type Goal } from './goals.ts';
import type { AllocRow } from './groups/alloc.ts';
import type { AddedRow } from './groups/in-process.ts';
import { CALLS_PER_SECOND, type LatencyRow } from './groups/latency.ts';
import type { MemoryRow } from './groups/memory.ts';
import type { StartRow } from './groups/start.ts';
import type { Throughput } from './groups/throughput.ts';
import { BENCH } from './harness/build.ts';
import { median, medianRatio } from './harness/statistics.ts';

/** What one run measured; a group that was not asked for is missing. */
export interface Results {
  get?: Throughput;
  post?: Throughput;
  grpc?: Throughput;
  latency?: readonly LatencyRow[];
  start?: readonly StartRow[];
  alloc?: readonly AllocRow[];
  memory?: readonly MemoryRow[];
  resilience?: readonly AddedRow[];
  middleware?: readonly AddedRow[];
}

interface Verdict extends Goal {
  readonly measured: number;
  readonly isReached: boolean;
}

/** Writes `results/latest.json` and `results/latest.md`; returns the Markdown. */
export async function writeReport(results: Results, seconds: number): Promise<string> {
  const verdicts = goals.flatMap((goal) => verdictOf(goal, results));
  const about = describeRun(seconds);
  const markdown = await format(toMarkdown(results, verdicts, about), { parser: 'markdown' });
  const json = await format(JSON.stringify({ about, verdicts, results }), {
    parser: 'json',
    printWidth: 110,
  });
  mkdirSync(join(BENCH, 'results'), { recursive: true });
  writeFileSync(join(BENCH, 'results/latest.json'), json);
  writeFileSync(join(BENCH, 'results/latest.md'), markdown);
  return markdown;
}

/** What the run is void for: too much noise, or a target that did not do its work. */
export function faultsOf(results: Results): string[] {
  return ([results.get, results.post, results.grpc] as const).flatMap((throughput) => {
    if (!throughput) return [];
    const noise = throughput.isValid ? [] : [`null test ${throughput.nullTest.toFixed(3)}: too much noise`];
    return [...noise, ...throughput.faults];
  });
}

function describeRun(seconds: number) {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: BENCH, encoding: 'utf8' }).trim();
  const isDirty = git('status', '--porcelain', '--untracked-files=no') !== '';
  return {
    commit: git('rev-parse', '--short', 'HEAD') + (isDirty ? ' with uncommitted changes' : ''),
    node: process.version,
    cpu: `${cpus()[0]?.model ?? 'unknown'} × ${cpus().length}`,
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
    date: new Date().toISOString(),
    seconds: Math.round(seconds),
  };
}

function verdictOf(goal: Goal, results: Results): Verdict[] {
  const measured = measure(goal, results);
  if (measured === undefined || Number.isNaN(measured)) return [];
  const isReached = measured >= (goal.atLeast ?? -Infinity) && measured <= (goal.atMost ?? Infinity);
  return [{ ...goal, measured, isReached }];
}

function measure({ measure: what, of, to }: Goal, results: Results): number | undefined {
  switch (what) {
    case 'get':
    case 'post':
    case 'grpc':
      return medianRatio(costs(results[what], to), costs(results[what], of));
    case 'get-added':
      return medianDifference(costs(results.get, of), costs(results.get, to));
    case 'middleware-added':
      return results.middleware?.find(({ name }) => name === of)?.addedMicroseconds;
    case 'policy-added':
      return results.resilience?.find(({ name }) => name === of)?.addedMicroseconds;
    case 'policy-ratio':
      return results.resilience?.find(({ name }) => name === of)?.ratio;
    case 'p99':
      return results.latency?.find(({ name }) => name === of)?.p99Ratio;
    case 'alloc': {
      const row = results.alloc?.find(({ name }) => name === of);
      return row && row.bytesPerCall / 1024;
    }
    case 'start':
      return results.start?.find(({ name }) => name === of)?.ratio;
    default:
      return what satisfies never;
  }
}

function medianDifference(of: readonly number[], to: readonly number[]): number {
  return median(of.map((cost, round) => cost - (to[round] ?? NaN)));
}

/** CPU time of a call, round by round. */
function costs(throughput: Throughput | undefined, name: string | undefined): readonly number[] {
  return throughput?.rows.find((row) => row.name === name)?.rounds.cpuMicroseconds ?? [];
}

function toMarkdown(
  results: Results,
  verdicts: readonly Verdict[],
  about: ReturnType<typeof describeRun>,
): string {
  const faults = faultsOf(results);
  return [
    '# Benchmark',
    `Commit ${about.commit} · Node ${about.node} · ${about.cpu} · Linux ${about.kernel} · ${about.date} · ${about.seconds} s`,
    faults.length > 0 ? `**Void:** ${faults.join('; ')}.` : '',
    verdicts.length > 0 ? `## Goals\n\n${goalTable(verdicts)}` : '',
    results.get ? `## REST GET\n\n${throughputTable(results.get)}` : '',
    results.post ? `## REST POST with a validated body\n\n${throughputTable(results.post)}` : '',
    results.grpc ? `## gRPC unary\n\n${throughputTable(results.grpc)}` : '',
    results.latency
      ? `## Latency at ${CALLS_PER_SECOND} REST calls a second\n\n${latencyTable(results.latency)}`
      : '',
    results.start ? `## Start to first answer\n\n${startTable(results.start)}` : '',
    results.alloc ? `## Allocation a REST call\n\n${allocTable(results.alloc)}` : '',
    results.resilience ? `## Policies while nothing fails\n\n${addedTable(results.resilience)}` : '',
    results.middleware ? `## Middlewares\n\n${addedTable(results.middleware)}` : '',
    results.memory ? `## Resident memory\n\n${memoryTable(results.memory)}` : '',
  ]
    .filter(Boolean)
    .join('\n\n');
}

function goalTable(verdicts: readonly Verdict[]): string {
  return table(
    ['goal', 'bound', 'measured', ''],
    verdicts.map(({ title, atLeast, atMost, measured, isReached }) => [
      title,
      atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`,
      measured.toFixed(2),
      isReached ? '✓' : '✗',
    ]),
  );
}

function throughputTable({ rows, nullTest }: Throughput): string {
  const lines = rows.map(({ title, cpuMicroseconds, speed, callsPerSecond, throughput, tally }) => [
    title,
    cpuMicroseconds.toFixed(1),
    speed.toFixed(3),
    callsPerSecond.toFixed(0),
    throughput.toFixed(3),
    tally.spans.toFixed(2),
    tally.lines.toFixed(2),
    tally.samples.toFixed(2),
  ]);
  const head = ['target', 'CPU µs', 'speed', 'calls/s', 'throughput', 'spans', 'lines', 'samples'];
  return `${table(head, lines)}\n\nNull test ${nullTest.toFixed(3)}. Speed is by CPU time, both ratios are to the first line; spans, log lines and histogram samples are those of one call.`;
}

function latencyTable(rows: readonly LatencyRow[]): string {
  return table(
    ['target', 'p50 ms', 'p99 ms', 'max ms', 'p99 ratio'],
    rows.map(({ title, p50Ms, p99Ms, maxMs, p99Ratio }) => [
      title,
      p50Ms.toFixed(3),
      p99Ms.toFixed(3),
      maxMs.toFixed(2),
      p99Ratio.toFixed(2),
    ]),
  );
}

function startTable(rows: readonly StartRow[]): string {
  return table(
    ['target', 'ms', 'ratio'],
    rows.map(({ title, ms, ratio }) => [title, ms.toFixed(0), ratio.toFixed(2)]),
  );
}

function allocTable(rows: readonly AllocRow[]): string {
  return table(
    ['target', 'KB'],
    rows.map(({ title, bytesPerCall }) => [title, (bytesPerCall / 1024).toFixed(1)]),
  );
}

function addedTable(rows: readonly AddedRow[]): string {
  return table(
    ['within a call', 'CPU µs added a call', 'ratio'],
    rows.map(({ title, addedMicroseconds, ratio }) => [
      title,
      addedMicroseconds.toFixed(2),
      ratio.toFixed(2),
    ]),
  );
}

function memoryTable(rows: readonly MemoryRow[]): string {
  return table(
    ['target', 'started MiB', 'after 30,000 calls MiB'],
    rows.map(({ title, startedMiB, loadedMiB }) => [title, String(startedMiB), String(loadedMiB)]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '--:'))), ...rows.map(line)].join(
    '\n',
  );
}
