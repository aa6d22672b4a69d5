import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProjectCopy } from '../support/project-copy.js';

let project: ProjectCopy;
beforeAll(() => {
  project = new ProjectCopy('generate');
});
afterAll(() => project[Symbol.dispose]());

test('generate --help lists our schematics and those of Nest that we have not', async () => {
  const { code, stdout } = await project.generate(['--help']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ {2}feature +A feature over REST/m);
  expect(stdout).toMatch(/^ {2}service, s +Create a Nest service/m);
});

test('what we have not comes from Nest, from any folder', async () => {
  const { code, stdout } = await project.generate(['service', 'stock', '--no-spec', '-d'], 'src/features');
  expect(stdout).toBe(
    'UPDATE src/app.module.ts\nCREATE src/stock/stock.service.ts\nDry run: nothing was written.\n',
  );
  expect(code).toBe(0);
});

test.each([
  [['nonsense', 'x'], /no schematic "nonsense".*--help/],
  [['feature'], /name is missing: nest generate feature <name>/],
  [['feature', 'stock', 'more'], /"more" is too much/],
  [['feature', 'stock', '--graphql'], /--graphql/],
])('%j is refused and changes nothing', async (parameters, says) => {
  const before = project.files();
  const { code, stderr } = await project.generate(parameters);
  expect(stderr).toMatch(says);
  expect(code).toBe(1);
  expect(project.files()).toEqual(before);
});
