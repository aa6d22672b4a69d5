/**
 * The chassis beside its peers: `npm run bench`, or some groups of it: `npm run bench -- rest start`.
 *
 *   rest grpc latency start alloc memory resilience middleware   groups, all of them when none is named
 *   --rounds=5                             rounds, one second for each target, for rest and grpc
 *   --only=fastify,chassis                 these targets alone, beside the base
 *
 * Exits 1 when a run is void. See README.md for the method.
 */
import { parseArgs } from 'node:util';
import { measureAlloc } from './groups/alloc.ts';
import { measureMiddlewares, measurePolicies } from './groups/in-process.ts';
import { measureLatency } from './groups/latency.ts';
import { measureMemory } from './groups/memory.ts';
import { measureStart } from './groups/start.ts';
import { measureThroughput } from './groups/throughput.ts';
import { buildPeers, buildTargets } from './harness/build.ts';
import { createCallers } from './harness/callers.ts';
import { Collector } from './harness/collector.ts';
import { KeyServer } from './harness/key-server.ts';
import { pinToLoadCore } from './harness/core.ts';
import { faultsOf, writeReport, type Results } from './report.ts';
import { fields } from './targets.ts';

const GROUPS = ['rest', 'grpc', 'latency', 'start', 'alloc', 'memory', 'resilience', 'middleware'];
/** Groups in which the chassis is measured by itself, or beside packages of its own. */
const WITHOUT_PEERS = new Set(['resilience', 'middleware']);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, only: { type: 'string' } },
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
if (GROUPS.some((group) => isAsked(group) && !WITHOUT_PEERS.has(group))) buildPeers();
buildTargets();
pinToLoadCore();
const callers = createCallers();
const world = {
  collector: await Collector.start(),
  callers,
  keys: await KeyServer.start(callers.keySet),
};
const results: Results = {};
/** Measures one group. What is there is written after each, so that a run cut short has told something. */
const step = async <Group extends keyof Results>(
  group: Group,
  measure: () => Promise<Results[Group]>,
): Promise<void> => {
  const from = performance.now();
  results[group] = await measure();
  process.stderr.write(`${group}: ${((performance.now() - from) / 1000).toFixed(0)} s\n`);
  report = await writeReport(results, (performance.now() - begin) / 1000);
};
let report = '';
try {
  if (isAsked('rest')) {
    await step('get', () => measureThroughput('get', pick('get'), rounds, world));
    await step('post', () => measureThroughput('post', pick('post'), rounds, world));
  }
  if (isAsked('grpc')) await step('grpc', () => measureThroughput('grpc', pick('grpc'), rounds, world));
  if (isAsked('latency'))
    await step('latency', () => measureLatency(pick('latency'), Math.min(3, rounds), world));
  if (isAsked('start')) await step('start', () => measureStart(pick('start'), Math.min(5, rounds), world));
  if (isAsked('alloc')) await step('alloc', () => measureAlloc(pick('alloc'), world));
  if (isAsked('resilience')) await step('resilience', async () => measurePolicies(rounds));
  if (isAsked('middleware')) await step('middleware', async () => measureMiddlewares(rounds));
  if (isAsked('memory')) await step('memory', () => measureMemory(pick('memory'), world));
} finally {
  world.collector.stop();
  world.keys.stop();
}
process.stdout.write(report);
if (faultsOf(results).length > 0) process.exitCode = 1;
