import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './build.js';

const { name } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { readonly name: string };

/** What the service calls itself unless SERVICE_NAME says otherwise; `npm run init` changes it. */
export const SERVICE_NAME = name.replace(/^@[^/]*\//, '');
