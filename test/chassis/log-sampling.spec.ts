import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createDatabase } from '../support/postgres.js';
import { eventually, ProbeModule, SHAPES, TestApp } from '../support/index.js';

type Line = Readonly<Record<string, unknown>>;

let DATABASE_URL: string;
beforeAll(async () => {
  DATABASE_URL = await createDatabase(inject('postgresUrl'));
});

describe.each([
  { ratio: 0, atLeast: 0, atMost: 0 },
  { ratio: 0.5, atLeast: 25, atMost: 75 },
  { ratio: 1, atLeast: 100, atMost: 100 },
])('with LOG_CALL_SAMPLE_RATIO $ratio', ({ ratio, atLeast, atMost }) => {
  const lines: Line[] = [];
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start({
      imports: [ProbeModule],
      config: { DATABASE_URL, LOG_LEVEL: 'info', LOG_CALL_SAMPLE_RATIO: ratio },
      logTo: { write: (text) => lines.push(JSON.parse(text) as Line) },
    });
  });
  afterAll(() => app.stop());

  const ended = (code: string): Line[] =>
    lines.filter((line) => line['msg'] === 'call' && line['code'] === code);
  const leftOut = async (): Promise<number> => {
    const { body } = await app.management.get('/metrics');
    return Number(/^log_call_lines_left_out_total (\d+)/m.exec(String(body))?.[1]);
  };

  test('failed calls all have their line; successful ones that have none are counted', async () => {
    for (const { call } of SHAPES) for (let index = 0; index < 20; index++) await call(app, 'refuse');
    for (const { call } of SHAPES) for (let index = 0; index < 20; index++) await call(app, 'echo');
    await eventually('all failed', () => ended('FAILED_PRECONDITION').length === 100);
    await eventually('all ended', async () => ended('OK').length + (await leftOut()) === 100);
    // 100 fair coins: outside of 25 to 75 once in three million runs.
    expect(ended('OK').length).toBeGreaterThanOrEqual(atLeast);
    expect(ended('OK').length).toBeLessThanOrEqual(atMost);
  });
});
