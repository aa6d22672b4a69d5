import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HttpClient } from '../../bench/harness/http-client.ts';
import { Scrape } from '../support/scrape.js';
import { startProcess } from '../support/service-process.js';
import { V8Inspector } from '../support/v8-inspector.js';

const WARM_UP_CALLS = 5_000;
const ROUNDS = 5;
const CALLS_A_ROUND = 2_000;
/** Of some 14 KB that a call makes. Where calls keep each other, it is more than 3,000. */
const LIMIT_BYTES_A_CALL = 300;
/** Code is slow to be optimized on a busy machine; here it never is. */
const UNOPTIMIZED = 'import { setFlagsFromString } from "node:v8"; setFlagsFromString("--no-opt");';

// Over REST alone: on gRPC Node's own streams are kept, whoever serves them (ADR 17).
test('what REST calls have made does not outlive young collections', { timeout: 240_000 }, async () => {
  await using service = await startProcess({
    program: join(import.meta.dirname, 'fixtures/echo-service.ts'),
    keepsLines: false,
    env: {
      NODE_OPTIONS: `--inspect=127.0.0.1:0 --import=data:text/javascript,${encodeURIComponent(UNOPTIMIZED)}`,
    },
  });
  await service.ready();
  await using inspector = await V8Inspector.of(service);
  const http = await HttpClient.open({
    port: service.port('http'),
    requests: [Buffer.from('GET /echo/word HTTP/1.1\r\nhost: test\r\nuser-agent: young\r\n\r\n')],
    expectedStatus: 200,
  });
  const oldBytes = async (): Promise<number> =>
    (await Scrape.of(service)).sum('nodejs_heap_space_size_used_bytes', { space: 'old' });
  await http.run({ calls: WARM_UP_CALLS });
  // Calls that are under way now become old.
  const collected = http.run({ calls: CALLS_A_ROUND });
  await inspector.heapUsedAfterCollection();
  await collected;
  let kept = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = await oldBytes();
    await http.run({ calls: CALLS_A_ROUND });
    // Less is a full collection's work.
    kept += Math.max(0, (await oldBytes()) - before);
  }
  http.close();
  const bytesACall = kept / (ROUNDS * CALLS_A_ROUND);
  process.stdout.write(`young garbage: ${bytesACall.toFixed(0)} bytes a call became old\n`);
  expect(bytesACall).toBeLessThan(LIMIT_BYTES_A_CALL);
});
