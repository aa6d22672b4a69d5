import { z } from 'zod';
import { durationMs, flag, integer } from './fields.js';
import { isStoreUrl } from './sources/store-url.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const paths = () => z.string().default('');
const storeUrl = (text: string): boolean => text === '' || isStoreUrl(text);
const storeUrls = (text: string): boolean => text === '' || text.split(',').every(isStoreUrl);
const prefix = () =>
  z
    .string()
    .regex(
      /^([^\s/][^\s]*\/)?$/,
      'must be a path that ends with "/" and does not begin with one, such as config/shop/',
    )
    .default('');

/**
 * Where configuration comes from, beside the environment. They are read before everything else, so that only the
 * environment, `.env` and the profile's file may set them, and they hold until the end of the process.
 */
export const sourcesConfigShape = {
  CONFIG_FILES: paths().describe(
    'YAML or JSON files with keys of this list, with commas; later ones win. Watched while the service runs.',
  ),
  CONFIG_DIRECTORIES: paths().describe(
    'Folders with a file for each key, such as a mounted ConfigMap, with commas; *.yaml and *.json hold several keys.',
  ),
  CONFIG_MAX_BYTES: integer(KIB, 64 * MIB)
    .default(MIB)
    .describe('Most that one file or one store may hold; what is larger is not read.'),
  CONFIG_POLL_INTERVAL_MS: durationMs(100)
    .default(30_000)
    .describe('Sources are read this often, besides whenever they tell of a change.'),
  CONFIG_SOURCE_TIMEOUT_MS: durationMs(10)
    .default(5000)
    .describe('Longest wait for an answer of Consul or etcd.'),
  CONFIG_PREPARE_TIMEOUT_MS: durationMs(10)
    .default(10_000)
    .describe('Longest time for the parts of the service to get ready for a change; then it is refused.'),
  CONFIG_REVISIONS: integer(1, 1000).default(50).describe('Revisions that are remembered, to go back to.'),
  CONFIG_RESTART: z
    .enum(['none', 'rolling'])
    .default('none')
    .describe(
      'rolling = a change of keys that need a restart begins a rolling one; only with several WORKERS.',
    ),
  CONFIG_SNAPSHOT_FILE: paths().describe(
    'What Consul and etcd said last, for a start without them; empty = config-snapshot.json under DATA_DIR, ./data where that is in memory.',
  ),
  CONFIG_REMOTE_REQUIRED: flag('false').describe(
    'true = no start from the snapshot: Consul and etcd must be there and right.',
  ),
  CONSUL_URL: z
    .string()
    .refine(storeUrl, { error: 'must be an http:// or https:// URL' })
    .default('')
    .describe('Consul agent or server; empty = none.'),
  CONSUL_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]*$/, 'must be visible ASCII characters')
    .default('')
    .describe('ACL token for Consul: key:read of the prefix is enough.'),
  CONSUL_DATACENTER: z
    .string()
    .regex(/^[\w-]*$/, 'must be letters, digits, "_" and "-"')
    .default('')
    .describe("Datacenter of the keys; empty = the agent's."),
  CONSUL_CONFIG_PREFIX: prefix().describe(
    'Keys of Consul under this prefix are configuration, such as config/shop/; empty = none.',
  ),
  CONSUL_CA_FILE: paths().describe(
    "PEM file of the authority of Consul's certificate; empty = the usual ones.",
  ),
  ETCD_ENDPOINTS: z
    .string()
    .refine(storeUrls, { error: 'must be http:// or https:// URLs with commas between them' })
    .default('')
    .describe('Members of the etcd cluster, with commas; empty = none.'),
  ETCD_USERNAME: z.string().default('').describe('User of etcd; empty = no authentication.'),
  ETCD_PASSWORD: z.string().default('').describe("That user's password."),
  ETCD_CONFIG_PREFIX: prefix().describe(
    'Keys of etcd under this prefix are configuration, such as config/shop/; empty = none.',
  ),
  ETCD_CA_FILE: paths().describe("PEM file of the authority of etcd's certificates; empty = the usual ones."),
  ETCD_CERT_FILE: paths().describe('PEM file of the client certificate for etcd; empty = none.'),
  ETCD_KEY_FILE: paths().describe('PEM file of its private key.'),
};

/** What they say, validated. */
export type SourceSettings = z.output<z.ZodObject<typeof sourcesConfigShape>>;
