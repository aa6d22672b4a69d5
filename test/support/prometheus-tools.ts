import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './build.js';

/** Where `scripts/install-test-tools.sh` puts it when the machine has none. */
const PROMTOOL = join(PROJECT, 'node_modules/.tools/promtool');
const PYTHON = '/usr/bin/python3';
const MISSING = 'run scripts/install-test-tools.sh';

/** What `promtool check metrics` complains of in a scrape; empty when it is content. */
export function checkWithPromtool(scrape: string): string {
  const program = existsSync(PROMTOOL) ? PROMTOOL : 'promtool';
  const { status, stdout, stderr, error } = spawnSync(program, ['check', 'metrics'], {
    input: scrape,
    encoding: 'utf8',
  });
  if (error) throw new Error(`This test needs promtool: ${MISSING}`, { cause: error });
  return status === 0 ? stdout + stderr : `exit code ${status}: ${stdout}${stderr}`;
}

/** What Prometheus' Python parser finds in a scrape. */
export interface ParsedOpenMetrics {
  /** Type by family name. */
  readonly families: Readonly<Record<string, string>>;
  readonly exemplars: readonly {
    readonly sample: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly exemplar: Readonly<Record<string, string>>;
  }[];
}

/** @throws Error with the parser's own words when it refuses the scrape */
export function parseWithPython(scrape: string): ParsedOpenMetrics {
  const script = join(PROJECT, 'test/foreign/openmetrics_parse.py');
  const { status, stdout, stderr } = spawnSync(PYTHON, [script], { input: scrape, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`Python refused the scrape (is prometheus_client there? ${MISSING}):\n${stderr}`);
  return JSON.parse(stdout) as ParsedOpenMetrics;
}
