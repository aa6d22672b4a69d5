import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT } from './build.js';
import { runTool } from './monitoring-program.js';

const PYTHON = '/usr/bin/python3';
const MISSING = 'run scripts/install-test-tools.sh';

/** What `promtool check metrics` complains of in a scrape; empty when it is content. */
export function checkWithPromtool(scrape: string): string {
  const { status, output } = runTool('promtool', ['check', 'metrics'], { input: scrape });
  return status === 0 ? output : `exit code ${status}: ${output}`;
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
