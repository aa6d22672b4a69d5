/**
 * The chassis beside its peers: `npm run bench`, or some groups of it: `npm run bench -- rest start`.
 *
 *   rest grpc latency start alloc memory   groups, all of them when none is named
 *   --rounds=9                             rounds of one second, for rest and grpc
 *   --only=fastify,chassis                 these targets alone, beside the base
 *
 * Exits 1 when a run is void. See README.md for the method.
 */
import { parseArgs } from 'node:util';
import { measureAlloc } from './groups/alloc.ts';
import { measureLatency } from './groups/latency.ts';
import { measureMemory } from './groups/memory.ts';
import { measureStart } from './groups/start.ts';
import { measureThroughput } from './groups/throughput.ts';
import { buildTargets } from './harness/build.ts';
import { createCallers } from './harness/callers.ts';
import { Collector } from './harness/collector.ts';
import { pinToLoadCore } from './harness/core.ts';
import { faultsOf, writeReport, type Results } from './report.ts';
import { fields } from './targets.ts';

const GROUPS = ['rest', 'grpc', 'latency', 'start', 'alloc', 'memory'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '9' }, only: { type: 'string' } },
});
const unknown = positionals.filter((group) => !GROUPS.includes(group));
if (unknown.length > 0)
  throw new Error(`No such group: ${unknown.join(', ')}. There are ${GROUPS.join(', ')}.`);
const rounds = Number(values.rounds);
const only = values.only?.split(',');
const isAsked = (group: string): boolean => positionals.length === 0 || positionals.includes(group);
/** The base and its double stay, whoever else is left out. */
const pick = (field: keyof typeof fields): string[] =>
  fields[field].filter((name, place) => place < BASES[field] || (only?.includes(name) ?? true));
const BASES = { get: 2, post: 2, grpc: 2, latency: 1, start: 1, alloc: 0, memory: 0 };

const begin = performance.now();
buildTargets();
pinToLoadCore();
const world = { collector: await Collector.start(), callers: createCallers() };
const results: Results = {};
const step = async <T>(title: string, work: () => Promise<T>): Promise<T> => {
  const from = performance.now();
  const result = await work();
  process.stderr.write(`${title}: ${((performance.now() - from) / 1000).toFixed(0)} s\n`);
  return result;
};
try {
  if (isAsked('rest')) {
    results.get = await step('REST GET', () => measureThroughput('get', pick('get'), rounds, world));
    results.post = await step('REST POST', () => measureThroughput('post', pick('post'), rounds, world));
  }
  if (isAsked('grpc')) {
    results.grpc = await step('gRPC', () => measureThroughput('grpc', pick('grpc'), rounds, world));
  }
  if (isAsked('latency')) {
    results.latency = await step('latency', () =>
      measureLatency(pick('latency'), Math.min(5, rounds), world),
    );
  }
  if (isAsked('start')) {
    results.start = await step('start', () => measureStart(pick('start'), Math.min(7, rounds), world));
  }
  if (isAsked('alloc')) results.alloc = await step('allocation', () => measureAlloc(pick('alloc'), world));
  if (isAsked('memory')) results.memory = await step('memory', () => measureMemory(pick('memory'), world));
} finally {
  world.collector.stop();
}
process.stdout.write(await writeReport(results, (performance.now() - begin) / 1000));
if (faultsOf(results).length > 0) process.exitCode = 1;
