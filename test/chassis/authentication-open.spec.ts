import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProbeModule, SHAPES, TestApp } from '../support/index.js';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({
    imports: [ProbeModule],
  });
});
afterAll(() => app.stop());

test.each(SHAPES)('with nothing configured $name needs no caller', async ({ call }) => {
  expect((await call(app, 'echo')).answers).toContain('echo');
  const { answers } = await call(app, 'echo', { headers: { authorization: 'Bearer nonsense' } });
  expect(answers).toContain('echo');
});
