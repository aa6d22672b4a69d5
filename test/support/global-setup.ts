import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser's URL of the run's one PostgreSQL server; see `createDatabase`. */
    postgresUrl: string;
  }
}

/**
 * One PostgreSQL server for the whole run: `inject('postgresUrl')`; and one cache of what Node compiles, for the
 * workers and for the many programs that they start, also for the tests of a project that a test has made.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env['NODE_COMPILE_CACHE'] ??= makeCache();
  const server = await startPostgres();
  project.provide('postgresUrl', server.url);
  return () => server.stop();
}

function makeCache(): string {
  const cache = mkdtempSync(join(tmpdir(), 'compile-cache-'));
  // Not before: workers write to it when they end, which is after the tests.
  process.once('exit', () => rmSync(cache, { recursive: true, force: true, maxRetries: 3 }));
  return cache;
}
