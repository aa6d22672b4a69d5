import fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createDatabase } from '../support/postgres.js';
import { sendRaw, type RawHttpAnswer } from '../support/raw-http.js';
import { startProcess, type LogLine, type ServiceProcess } from '../support/service-process.js';
import { restRequests, type OpenApi } from './rest-requests.js';
import { FUZZ_TIMEOUT_MS, fuzzParameters, UNDISTURBED } from './runs.js';

const LIMIT_MS = 10_000;
/** What never ends has no answer; it is given long enough for a refusal. */
const INCOMPLETE_LIMIT_MS = 60;

/** Its head has no end, or it announces more than it brings. */
function mayBeIncomplete(request: string): boolean {
  const end = request.indexOf('\r\n\r\n');
  const announced = /^content-length: (\d+)\r$/im.exec(request)?.[1];
  if (end < 0 || /^transfer-encoding:/im.test(request)) return true;
  return announced === undefined
    ? /content-length/i.test(request)
    : request.length - end - 4 < Number(announced);
}

let service: ServiceProcess;
beforeAll(async () => {
  const DATABASE_URL = await createDatabase(inject('postgresUrl'));
  service = await startProcess({ env: { DATABASE_URL, ...UNDISTURBED } });
  await service.ready();
});
afterAll(() => service.stop());

test(
  'answers whatever it is sent with success or with a problem of the caller',
  { timeout: FUZZ_TIMEOUT_MS },
  async () => {
    const document = (await service.http.get('/openapi.json')).body as OpenApi;
    const runs = fuzzParameters();
    const counts: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(restRequests(document, await someIds(document)).any, async (request) => {
        const answer = await send(request);
        counts[answer.status] = (counts[answer.status] ?? 0) + 1;
        check(request, answer);
      }),
      runs,
    );
    process.stdout.write(`fuzz: REST answers by status ${JSON.stringify(counts)}\n`);
    expect(counts[0] ?? 0).toBeLessThan(runs.numRuns / 10);
    await expectHealthy();
  },
);

function check(request: string, { status, head, body }: RawHttpAnswer): void {
  if (status === 0) {
    expect(mayBeIncomplete(request), 'a complete request has an answer').toBe(true);
    return;
  }
  expect(status === 504 ? /^x-request-timeout-ms/im.test(request) : status < 500, `${status} ${body}`).toBe(
    true,
  );
  if (status < 400 || request.startsWith('HEAD ')) return;
  expect(head).toMatch(/^content-type: application\/problem\+json/im);
  const requestId = /^x-request-id: (.+)$/im.exec(head)?.[1];
  expect(JSON.parse(body)).toMatchObject({
    status,
    code: expect.stringMatching(/^[A-Z_]+$/),
    reason: expect.stringMatching(/^[A-Z0-9_]+$/),
    detail: expect.any(String),
    requestId,
  });
}

function send(request: string): Promise<RawHttpAnswer> {
  const limitMs = mayBeIncomplete(request) ? INCOMPLETE_LIMIT_MS : LIMIT_MS;
  return sendRaw(service.address('http'), Buffer.from(request, 'latin1'), limitMs);
}

/** Ids in the answers to a few valid requests. */
async function someIds(document: OpenApi): Promise<string[]> {
  const ids = new Set<string>();
  for (const request of fc.sample(restRequests(document).valid, { seed: 1, numRuns: 50 })) {
    const { body } = await send(request);
    for (const [id] of body.matchAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}/g)) ids.add(id);
  }
  return [...ids];
}

async function expectHealthy(): Promise<void> {
  expect((await service.management.get('/readyz')).status).toBe(200);
  expect(service.stderr).toBe('');
  // A deadline that passed is worth a warning; nothing else here is.
  const isExpected = ({ level, code }: LogLine) => level === 'info' || code === 'DEADLINE_EXCEEDED';
  expect(service.lines.filter((line) => !isExpected(line))).toEqual([]);
}
