/**
 * Makes an API key: `npm run api-key -- --owner payments --scope orders:read --role support --tenant acme
 * --expires 2027-01-31T00:00:00Z`. The key is shown once; the entry goes into the file of AUTH_API_KEYS_FILE.
 */
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { createApiKey } from '../src/chassis/auth/api-key.ts';
import { ApiKeysFile } from '../src/chassis/auth/grants.schema.ts';

const USAGE =
  'npm run api-key -- --owner <name> [--scope <s>]… [--role <r>]… [--tenant <t>] [--expires <time>]';

const { values } = parseArgs({
  options: {
    owner: { type: 'string' },
    scope: { type: 'string', multiple: true, default: [] },
    role: { type: 'string', multiple: true, default: [] },
    tenant: { type: 'string' },
    expires: { type: 'string' },
    prefix: { type: 'string', default: 'nck' },
  },
});
const { owner, scope, role, tenant, expires, prefix } = values;
const { id, key, sha256 } = createApiKey(prefix);
const entry = {
  id,
  owner,
  sha256,
  scopes: scope,
  roles: role,
  ...(tenant !== undefined && { tenant }),
  ...(expires !== undefined && { expiresAt: expires }),
};
const result = ApiKeysFile.safeParse({ keys: [entry] });
if (result.success) {
  console.error('The key, shown this once; give it to its owner:');
  console.log(key);
  console.error('Its entry, for the list "keys" in the file of AUTH_API_KEYS_FILE:');
  console.log(stringify([entry]).trimEnd());
} else {
  for (const { path, message } of result.error.issues)
    console.error(`${path.slice(2).join('.')}: ${message}`);
  console.error(USAGE);
  process.exitCode = 1;
}
