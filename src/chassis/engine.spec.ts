import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { FLAGS } from './engine.js';

test.each(FLAGS)('the pinned Node knows %s', (flag) => {
  const [name = ''] = flag.split('=');
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  expect(known).toContain(`  ${name.replace('--no-', '--')} (`);
});
