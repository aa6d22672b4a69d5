import { Injectable, type Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import cluster from 'node:cluster';
import { Config } from '../config/index.js';
import { StartError } from '../errors/index.js';
import { Redis } from '../redis/index.js';
import { processLock, type JobLock } from './job-lock.js';
import { RedisJobLock } from './redis-job-lock.js';

/** Finds what all instances of the service share: its PostgreSQL server, else its Redis, else nothing. */
@Injectable()
export class JobLocks {
  constructor(
    private readonly config: Config,
    private readonly redis: Redis,
    private readonly discovery: DiscoveryService,
  ) {}

  /** @throws {StartError} when several workers share nothing */
  async choose(): Promise<JobLock> {
    const service = this.config.get('SERVICE_NAME');
    const postgres = this.config.get('DATABASE_URL') ? await this.#postgres(service) : undefined;
    if (postgres) return postgres;
    if (this.redis.isConfigured) return new RedisJobLock(this.redis, service);
    if (cluster.isWorker) throw needsStore();
    return processLock;
  }

  /** Loaded by those who need it: a service may have no database. */
  async #postgres(service: string): Promise<JobLock | undefined> {
    const { Database, MigrationRegistry, migrate } = await import('../database/index.js');
    const database = this.#find(Database);
    if (!database) return undefined;
    const { jobLeasesMigrations, PostgresJobLock } = await import('./postgres-job-lock.js');
    const leases = { name: 'job_leases', migrations: jobLeasesMigrations };
    this.#find(MigrationRegistry)?.add(leases);
    await migrate(database.query, [leases]);
    return new PostgresJobLock(database, service);
  }

  #find<T>(type: Type<T>): T | undefined {
    return this.discovery.getProviders().find(({ token }) => token === type)?.instance as T | undefined;
  }
}

function needsStore(): StartError {
  return new StartError(
    'Jobs run once among all workers only if these share a store, and they have none. Set REDIS_URL, give the ' +
      'service a database with DATABASE_URL, set WORKERS to 1, or mark every job with lock: false.',
  );
}
