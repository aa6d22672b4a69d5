import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, ProbeModule, SHAPES, TestApp } from '../support/index.js';
import { Scrape } from '../support/scrape.js';

const lines: string[] = [];
let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({
    imports: [ProbeModule],
    config: { LOG_LEVEL: 'info', LOG_FORMAT: 'json' },
    logTo: { write: (line) => void lines.push(line) },
  });
});
afterAll(() => app.stop());

test.each(SHAPES)('with nothing configured $name needs no caller', async ({ call }) => {
  expect((await call(app, 'echo')).answers).toContain('echo');
  const { answers } = await call(app, 'echo', { headers: { authorization: 'Bearer nonsense' } });
  expect(answers).toContain('echo');
});

test('the log says so once', async () => {
  const count = () => lines.join('').split('no authentication is configured').length - 1;
  await eventually('the line is there', () => count() > 0);
  expect(count()).toBe(1);
});

test('such calls are counted as without credential', async () => {
  expect((await Scrape.of(app)).sum('auth_decisions_total', { scheme: 'none', decision: 'allowed' })).toBe(
    10,
  );
});
