import {
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  Sse,
  type MessageEvent,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Agent, get } from 'node:http';
import { sql } from 'kysely';
import { interval, map, type Observable } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { Database, DatabaseModule } from '#chassis/database';
import { GRPC_CODES } from '#chassis/errors';
import { OnDrain } from '#chassis/lifecycle';
import { service as project } from '../../src/app.module.js';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthService,
} from '#generated/grpc/health/v1/health';
import {
  decodeFailure,
  eventually,
  failureOf,
  order,
  ProbeModule,
  Probes,
  ProbeService,
  TestApp,
} from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { RawConnection } from '../support/raw-connection.js';
import { frame } from '../support/raw-grpc.js';
import { FRAME, RawHttp2Client } from '../support/raw-http2.js';
import { Scrape } from '../support/scrape.js';

let DATABASE_URL: string;
beforeAll(async () => {
  DATABASE_URL = await createDatabase(inject('postgresUrl'));
});

/** What happened, in its order. */
const events: string[] = [];

@Injectable()
class Announcer {
  @OnDrain('withdraw')
  async withdraw(): Promise<void> {
    await sleep(20);
    events.push('withdrawn');
  }
}

@Injectable()
class Jobs implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  @OnDrain('calls')
  async finish(): Promise<void> {
    await sleep(50);
    events.push('jobs finished');
  }

  /** What it depends on is still there. */
  async onApplicationShutdown(): Promise<void> {
    await sql`select 1`.execute(this.database.query);
    events.push('jobs closed');
  }
}

@Controller('events')
class EventsController {
  @Sse()
  events(): Observable<MessageEvent> {
    return interval(20).pipe(map((index) => ({ data: { index } })));
  }
}

@Module({
  imports: [ProbeModule, DatabaseModule],
  controllers: [EventsController],
  providers: [Announcer, Jobs],
})
class WorkingModule {}

@Injectable()
class Hanging implements OnApplicationShutdown {
  onApplicationShutdown(): Promise<void> {
    return new Promise(() => {});
  }
}

@Injectable()
class Stubborn {
  @OnDrain('withdraw')
  cling(): Promise<void> {
    return new Promise(() => {});
  }
}

@Controller('endless')
class EndlessController {
  @Get()
  endless(): Promise<never> {
    return new Promise(() => {});
  }
}

@Module({ imports: [ProbeModule], controllers: [EndlessController], providers: [Hanging, Stubborn] })
class HangingModule {}

async function start(module: new () => object, config: Record<string, unknown> = {}): Promise<TestApp> {
  events.length = 0;
  return TestApp.start({ imports: [module], config: { DATABASE_URL, ...config } });
}

test('a drain goes stage by stage, and the instance serves until others have seen that it goes', async () => {
  const app = await start(WorkingModule, { SHUTDOWN_PROPAGATION_MS: 2000 });
  const watch = app.grpc.serverStream(HealthService.watch, { service: '' });
  const states: ServingStatus[] = [];
  watch.on('data', ({ status }: { status: ServingStatus }) => states.push(status));
  watch.on('error', () => events.push('watchers cut'));
  await eventually('the watcher knows', () => states.length === 1);

  const report = app.service.shutdown.begin('test');
  expect((await app.management.get('/readyz')).status).toBe(503);
  expect(await app.grpc.unary(HealthService.check, { service: '' })).toEqual({
    status: ServingStatus.NOT_SERVING,
  });
  await eventually('the watcher is told', () => states.at(-1) === ServingStatus.NOT_SERVING);
  await eventually('it is withdrawn', () => events.includes('withdrawn'));
  expect((await app.management.get('/drain')).body).toEqual({
    isDraining: true,
    stage: 'propagation',
    pending: [],
  });
  expect((await app.http.get('/probe/echo')).status).toBe(200);
  expect((await app.grpc.unary(Probes.unary, order('echo'))).reason).toBe('echo');
  expect((await app.management.get('/livez')).status).toBe(200);

  expect((await report).forced).toEqual([]);
  expect(events).toEqual(['withdrawn', 'jobs finished', 'watchers cut', 'jobs closed']);
  expect((await report).durationMs).toBeGreaterThan(2000);
  await expect(app.http.get('/probe/echo')).rejects.toThrow('fetch failed');
  await expect(app.management.get('/livez')).rejects.toThrow('fetch failed');
  await app.stop();
});

test('a second request to end is the first one', async () => {
  const app = await start(WorkingModule);
  const [one, two] = [app.service.shutdown.begin('one'), app.service.shutdown.begin('two')];
  expect(await one).toBe(await two);
  await app.stop();
  expect(events.filter((event) => event === 'withdrawn')).toHaveLength(1);
});

test('POST /drain ends the service; the durations of its stages are metrics meanwhile', async () => {
  const app = await start(WorkingModule, { SHUTDOWN_GRACE_MS: 5000 });
  expect((await app.management.get('/drain')).body).toEqual({ isDraining: false });
  const slow = app.http.get('/probe/ignore-abort');
  await eventually('the call is open', () => app.service.app !== undefined);
  await sleep(50);
  const { status, body } = await app.management.post('/drain');
  expect({ status, body }).toMatchObject({ status: 202, body: { isDraining: true } });
  await eventually(
    'calls are waited for',
    async () => (await app.management.get('/drain')).body.stage === 'calls',
  );
  expect((await app.management.get('/drain')).body.pending).toContain('GET /probe/:reason');
  const durations = (await Scrape.of(app))
    .find('shutdown_duration_seconds')
    .map(({ labels }) => labels['stage']);
  expect(durations).toEqual(['readiness', 'withdraw', 'propagation', 'accept']);
  expect((await slow).status).toBe(200);
  await app.stop();
});

describe('connections', () => {
  test('busy HTTP connections close with the answer under way, idle ones at once', async () => {
    const app = await start(WorkingModule);
    const [agent, idleAgent] = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];
    const ask = (path: string, via: Agent): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        get(app.http.url + path, { agent: via }, (answer) => {
          answer.resume().on('end', () => resolve(answer.headers.connection));
        }).on('error', reject);
      });
    expect(await ask('/probe/echo', idleAgent)).toBe('keep-alive');
    const idle = Object.values(idleAgent.freeSockets)[0]?.[0];
    const busy = ask('/probe/ignore-abort', agent);
    await sleep(100);
    const report = app.service.shutdown.begin('test');
    await eventually('the idle connection is closed', () => idle?.destroyed === true);
    expect(await busy).toBe('close');
    expect((await report).forced).toEqual([]);
    await app.stop();
  });

  test('a connection closes behind the last of the calls that wait there', async () => {
    const app = await start(WorkingModule);
    const connection = await RawConnection.open(app.http.address);
    connection.write('GET /probe/ignore-abort HTTP/1.1\r\nhost: test\r\n\r\n'.repeat(2));
    const active = async () => (await Scrape.of(app)).sum('http_server_active_requests');
    await eventually('both calls are open', async () => (await active()) === 2);
    expect((await app.service.shutdown.begin('test')).forced).toEqual([]);
    await connection.closed;
    expect(connection.text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
    await app.stop();
  });

  test('a connection stays for a call that comes behind the one that it was to close with', async () => {
    const app = await start(WorkingModule);
    const connection = await RawConnection.open(app.http.address);
    const request = 'GET /probe/ignore-abort HTTP/1.1\r\nhost: test\r\n\r\n';
    connection.write(request);
    const active = async () => (await Scrape.of(app)).sum('http_server_active_requests');
    await eventually('the first call is open', async () => (await active()) === 1);
    const report = app.service.shutdown.begin('test');
    const isRefused = () =>
      fetch(app.http.url).then(
        () => false,
        () => true,
      );
    await eventually('no connection is taken any more', isRefused);
    connection.write(request);
    expect((await report).forced).toEqual([]);
    await connection.closed;
    expect(connection.text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
    await app.stop();
  });

  test('HTTP/2 clients get a GOAWAY that names the last call taken; that one is answered', async () => {
    const app = await start(WorkingModule);
    const client = new RawHttp2Client(app.grpc.address);
    const ask = (stream: number, reason: string): void => {
      const message = Probes.unary.requestSerialize(order(reason));
      const headers = {
        ':method': 'POST',
        ':scheme': 'http',
        ':path': Probes.unary.path,
        ':authority': 'test',
      };
      client.request(
        stream,
        { ...headers, 'content-type': 'application/grpc', te: 'trailers' },
        frame(message),
      );
    };
    ask(1, 'echo');
    await eventually('the first call is answered', () => client.find(FRAME.data, 1).length > 0);
    ask(3, 'ignore-abort');
    await sleep(100);
    const report = app.service.shutdown.begin('test');
    await eventually('the client hears', () => client.find(FRAME.goAway).length > 0);
    expect(client.find(FRAME.goAway)[0]?.payload.readUInt32BE(0)).toBe(3);
    // As if it had crossed the GOAWAY on its way: the client knows that nobody took it.
    ask(5, 'echo');
    expect((await report).forced).toEqual([]);
    expect(client.find(FRAME.data, 3)).toHaveLength(1);
    expect(client.find(FRAME.data, 5)).toEqual([]);
    client.close();
    await app.stop();
  });
});

describe('a connection without a call', () => {
  test.each(['http', 'grpc'] as const)('over %s does not hold up a drain', async (transport) => {
    const app = await start(WorkingModule);
    const silent = await RawConnection.open(app[transport].address, { allowHalfOpen: true });
    const amid = await RawConnection.open(app[transport].address, { allowHalfOpen: true });
    amid.write(transport === 'http' ? 'GET / HTTP/1.1\r\nHo' : 'PRI * HT');
    // What was sent before has arrived.
    if (transport === 'http') await app.http.get('/probe/echo');
    else await app.grpc.unary(Probes.unary, order('echo'));
    const { forced } = await app.service.shutdown.begin('test');
    expect(forced).toEqual([]);
    expect(events).toContain('jobs closed');
    silent.destroy();
    amid.destroy();
    await app.stop();
  });
});

describe('streams', () => {
  test('a stream that ends in time is left alone, one that does not is told to move', async () => {
    const app = await start(WorkingModule, { SHUTDOWN_STREAMS_MS: 500 });
    const endless = app.grpc.serverStream(Probes.serverStream, order('endless'));
    const failed = new Promise((resolve) => endless.on('error', resolve));
    endless.resume();
    let eventsRead = 0;
    const upload = app.grpc.client.makeClientStreamRequest(
      Probes.clientStream.path,
      Probes.clientStream.requestSerialize,
      Probes.clientStream.responseDeserialize,
      (error, response) => events.push(error ? 'upload failed' : `upload ${response?.reason}`),
    );
    upload.write(order('echo'));
    get(`${app.http.url}/events`, { agent: false }, (response) => {
      response.on('data', () => (eventsRead += 1)).on('error', () => events.push('events ended'));
    });
    await eventually('the events flow', () => eventsRead > 2);
    await eventually('the stream flows', () => app.get(ProbeService).produced > 0);
    const report = app.service.shutdown.begin('test');
    await sleep(250);
    upload.end();
    const { code, reason, retry } = decodeFailure((await failed) as Parameters<typeof decodeFailure>[0]);
    expect({ code, reason }).toEqual({ code: GRPC_CODES.UNAVAILABLE, reason: 'SHUTTING_DOWN' });
    expect(retry).toBeDefined();
    expect(events).toContain('upload echo');
    expect((await report).forced).toEqual([]);
    expect(events).toContain('events ended');
    await app.stop();
  });
});

describe('what hangs', () => {
  test('is named and forced; calls that end in time end well', async () => {
    const lines: Record<string, unknown>[] = [];
    events.length = 0;
    const app = await TestApp.start({
      imports: [HangingModule],
      config: {
        DATABASE_URL,
        LOG_LEVEL: 'error',
        SHUTDOWN_WITHDRAW_MS: 100,
        SHUTDOWN_GRACE_MS: 3500,
        SHUTDOWN_DEPENDENCIES_MS: 200,
      },
      logTo: { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    });
    const overRest = app.http.get('/endless');
    const overGrpc = failureOf(app.grpc.unary(Probes.unary, order('wait')));
    const inTime = [
      app.http.get('/probe/ignore-abort'),
      app.grpc.unary(Probes.unary, order('ignore-abort')),
    ] as const;
    await sleep(300);
    const { forced } = await app.service.shutdown.begin('test');
    expect(await overRest).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE', reason: 'SHUTTING_DOWN' },
    });
    expect((await overRest).headers.get('retry-after')).toBe('0');
    expect(await overGrpc).toMatchObject({ code: GRPC_CODES.UNAVAILABLE, reason: 'SHUTTING_DOWN' });
    expect((await inTime[0]).status).toBe(200);
    expect((await inTime[1]).reason).toBe('ignore-abort');
    expect(forced).toEqual([
      { stage: 'withdraw', pending: ['Stubborn.cling'] },
      { stage: 'calls', pending: ['GET /endless', 'probe.v1.ProbeService/Unary'] },
      { stage: 'dependencies', pending: ['Hanging.onApplicationShutdown'] },
    ]);
    expect(
      lines
        .filter(({ msg }) => msg === 'shutdown stage took too long; forced')
        .map(({ stage, pending }) => ({ stage, pending })),
    ).toEqual(forced);
    await app.stop();
  });

  test('cannot take longer than the whole may', async () => {
    const app = await start(HangingModule, { SHUTDOWN_LIMIT_MS: 300, SHUTDOWN_PROPAGATION_MS: 60_000 });
    const { durationMs, forced } = await app.service.shutdown.begin('test');
    expect(durationMs).toBeLessThan(2000);
    expect(forced.map(({ stage }) => stage)).toContain('propagation');
    await app.stop();
  });
});

test('a method with @OnDrain that no instance would have in a drain keeps the service from starting', async () => {
  @Injectable({ scope: Scope.TRANSIENT })
  class Passing {
    @OnDrain('calls')
    finish(): void {}
  }
  @Module({ providers: [Passing] })
  class PassingModule {}
  await expect(TestApp.start({ service: { ...project, module: PassingModule } })).rejects.toThrow(
    'Methods with @OnDrain would not be called: Passing.finish belongs to a request-scoped or transient provider',
  );
});
