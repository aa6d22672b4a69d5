import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './free-ports.js';

const DEBIAN_ROOT = '/usr/lib/postgresql';
const START_TIMEOUT_MS = 30_000;

/** A PostgreSQL server for tests. */
export interface PostgresServer {
  /** Superuser's URL of the database `postgres`. */
  readonly url: string;
  /** A new, empty database; returns its URL. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

type Owner = { readonly uid?: number; readonly gid?: number };

/** The server of TEST_DATABASE_URL, otherwise a fresh one from the installed packages. */
export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return serverAt(given, async () => undefined);
  const bin = findBinaries();
  const owner = findOwner();
  const directory = mkdtempSync(join(tmpdir(), 'postgres-'));
  if (owner.uid !== undefined) chownSync(directory, owner.uid, owner.gid ?? owner.uid);
  const data = join(directory, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
  execFileSync(join(bin, 'initdb'), initdb, {
    ...owner,
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });

  const port = await freePort();
  const process_ = spawn(join(bin, 'postgres'), serverArguments(data, directory, port), {
    ...owner,
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const url = `postgres://postgres:s3cret-of-tests@127.0.0.1:${port}/postgres`;
  await untilReady(url, process_);
  return serverAt(url, () => stop(process_, directory));
}

/** A new, empty database on the server of `serverUrl`; returns its URL. */
export async function createDatabase(serverUrl: string): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await runOn(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Removes a database of `createDatabase`, whoever is still connected. */
export async function dropDatabase(databaseUrl: string): Promise<void> {
  const url = new URL(databaseUrl);
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  await runOn(url.href, `drop database ${name} with (force)`);
}

/** One statement on a connection of its own: what a test does behind the service's back. */
export async function runOn(
  url: string,
  statement: string,
  values: unknown[] = [],
): Promise<pg.QueryResultRow[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<pg.QueryResultRow>(statement, values)).rows;
  } finally {
    await client.end();
  }
}

function serverAt(url: string, stopServer: () => Promise<void>): PostgresServer {
  return { url, createDatabase: () => createDatabase(url), stop: stopServer };
}

function serverArguments(data: string, sockets: string, port: number): string[] {
  const settings = [
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${sockets}`,
    'fsync=off',
    'synchronous_commit=off',
    'full_page_writes=off',
    'max_connections=100',
  ];
  return ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
}

function findBinaries(): string {
  const versions = existsSync(DEBIAN_ROOT)
    ? readdirSync(DEBIAN_ROOT).toSorted((a, b) => Number(b) - Number(a))
    : [];
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const folders = [...onPath, ...versions.map((version) => join(DEBIAN_ROOT, version, 'bin'))];
  const found = folders.find((folder) => existsSync(join(folder, 'initdb')));
  if (found) return found;
  throw new Error(
    'The tests need a PostgreSQL server and found no "initdb". Install one (Debian, Ubuntu: apt-get install ' +
      'postgresql; macOS: brew install postgresql) or set TEST_DATABASE_URL to a superuser URL of a running one.',
  );
}

/** PostgreSQL refuses to run as root; then it runs as the packages' own user. */
function findOwner(): Owner {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  let log = '';
  server.stderr?.on('data', (chunk: Buffer) => (log = `${log}${chunk.toString()}`.slice(-4000)));
  const giveUpAt = Date.now() + START_TIMEOUT_MS;
  while (server.exitCode === null && Date.now() < giveUpAt) {
    const isUp = await runOn(url, 'select 1').then(
      () => true,
      () => false,
    );
    if (isUp) return;
    await delay(50);
  }
  server.kill('SIGQUIT');
  throw new Error(`PostgreSQL did not start:\n${log}`);
}

async function stop(server: ChildProcess, directory: string): Promise<void> {
  if (server.exitCode === null && server.kill('SIGINT')) await once(server, 'exit');
  rmSync(directory, { recursive: true, force: true });
}
