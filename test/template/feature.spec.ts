import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { readFeature } from '../../scripts/template/feature.ts';
import { removeFromLint } from '../../scripts/template/lint-ignore.ts';

const root = mkdtempSync(join(tmpdir(), 'features-'));
afterEach(() => rmSync(root, { recursive: true }));

test('what two features name goes with the last of them', () => {
  const bank = 'proto/bank/v1/bank.proto';
  for (const path of [bank, 'bench/invoices.ts', 'src/features/orders/orders.module.ts']) write(path, '');
  write('src/features/invoices/feature.json', JSON.stringify({ paths: [bank, 'bench/invoices.ts'] }));
  write('src/features/orders/feature.json', JSON.stringify({ paths: [bank] }));
  expect(readFeature(root, 'invoices').paths).toEqual(['src/features/invoices', 'bench/invoices.ts']);
  rmSync(join(root, 'src/features/invoices'), { recursive: true });
  expect(readFeature(root, 'orders').paths).toEqual(['src/features/orders', bank]);
});

test('what buf lint leaves out for a feature goes with it', () => {
  const lint = (...paths: string[]) => `lint:\n  ignore:\n${paths.map((path) => `    - ${path}\n`).join('')}`;
  const [bank, shop] = ['proto/bank/v1/bank.proto', 'proto/shop/v1/shop.proto'];
  write('buf.yaml', lint('proto/google', bank, shop));
  removeFromLint(root, { paths: ['src/features/orders', bank] });
  expect(readFileSync(join(root, 'buf.yaml'), 'utf8')).toBe(lint('proto/google', shop));
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
