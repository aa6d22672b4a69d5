import { Controller, Get, Module, StreamableFile } from '@nestjs/common';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { Database, DatabaseModule } from '#chassis/database';
import { Redis } from '#chassis/redis';
import { ProbeModule } from './probe.js';
import type { TestApp } from './test-app.js';

/** What `GET /chaos` says of a fault, as far as tests look. */
export interface ToldFault {
  readonly id: string;
  readonly kind: string;
  readonly source: string;
  readonly until: string | null;
}

@Controller('faulty')
class FaultyController {
  constructor(
    private readonly redis: Redis,
    private readonly database: Database,
  ) {}

  @Get('redis')
  async ping(): Promise<object> {
    return { answer: await this.redis.send(['ECHO', 'here']) };
  }

  /** Names the connection by what it remembers. */
  @Get('transaction')
  transaction(): Promise<object> {
    return this.database.transaction(async (transaction) => {
      await sql`select set_config('faulty.name', coalesce(nullif(current_setting('faulty.name', true), ''), gen_random_uuid()::text), false)`.execute(
        transaction,
      );
      const { rows } = await sql<object>`select current_setting('faulty.name') as connection`.execute(
        transaction,
      );
      return rows[0] ?? {};
    });
  }

  /** Five pieces of a thousand letters, one after the other. */
  @Get('pieces')
  pieces(): StreamableFile {
    return new StreamableFile(Readable.from(pieces()));
  }
}

async function* pieces(): AsyncGenerator<Buffer> {
  for (const letter of 'abcde') {
    yield Buffer.from(letter.repeat(1000));
    await sleep(5);
  }
}

/** The probe, with calls that use Redis and that answer in pieces. */
@Module({ imports: [ProbeModule, DatabaseModule], controllers: [FaultyController] })
export class FaultyModule {}

/** Begins a fault by the management port, for a minute unless it says otherwise. */
export async function beginFault(
  { management }: Pick<TestApp, 'management'>,
  fault: Readonly<Record<string, unknown>>,
): Promise<ToldFault> {
  const isTimed = 'until' in fault || 'durationMs' in fault;
  const { status, body } = await management.post(
    '/chaos',
    isTimed ? fault : { ...fault, durationMs: 60_000 },
  );
  if (status !== 201) throw new Error(`The fault did not begin: ${status} ${JSON.stringify(body)}`);
  return body as ToldFault;
}

export async function endFaults({ management }: Pick<TestApp, 'management'>): Promise<void> {
  await management.send('/chaos', { method: 'DELETE' });
}

export async function faultsOf({ management }: Pick<TestApp, 'management'>): Promise<readonly ToldFault[]> {
  return ((await management.get('/chaos')).body as { faults: ToldFault[] }).faults;
}
