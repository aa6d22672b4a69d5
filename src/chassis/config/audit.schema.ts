import { z } from 'zod';
import { durationMs, integer } from './fields.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Keys of the audit trail; docs/audit.md tells what they are for. */
export const auditConfigShape = {
  AUDIT_SINK: z
    .enum(['file', 'database', 'none'])
    .default('file')
    .describe('Where the audit trail goes; none = nothing is recorded.'),
  AUDIT_DIR: z
    .string()
    .default('')
    .describe(
      'Folder of the audit files; empty = audit under DATA_DIR, ./data/audit where that is in memory.',
    ),
  AUDIT_KEY_FILE: z
    .string()
    .default('')
    .describe('File with the secret of the hash chain, at least 32 bytes; empty = hashes without a secret.'),
  AUDIT_ON_FAILURE: z
    .enum(['refuse', 'allow'])
    .default('refuse')
    .describe(
      'When entries cannot be written: refuse = audited calls answer UNAVAILABLE, allow = they go on.',
    ),
  AUDIT_SYNC: z
    .enum(['always', 'os'])
    .default('always')
    .describe('always = an entry is on the disk before the answer leaves, os = the operating system has it.'),
  AUDIT_TIMEOUT_MS: durationMs(10).default(5000).describe('A write that takes longer counts as failed.'),
  AUDIT_RETRY_MS: durationMs(10)
    .default(1000)
    .describe('Time between two tries while entries cannot be written.'),
  AUDIT_BUFFER_BYTES: integer(64 * KIB, 1024 * MIB)
    .default(16 * MIB)
    .describe('Entries that wait take this much at most.'),
  AUDIT_DETAIL_BYTES: integer(0, 64 * KIB)
    .default(4 * KIB)
    .describe('Longest detail of an entry; a longer one is left out.'),
  AUDIT_ROTATE_BYTES: integer(64 * KIB, 1024 * MIB)
    .default(64 * MIB)
    .describe('A new audit file begins when the last one has this size, and every day (UTC).'),
  AUDIT_REFUSALS_PER_SECOND: integer(0, 1_000_000)
    .default(100)
    .describe('Refused calls that get an entry each second; the others are counted in one.'),
  AUDIT_ANCHOR_INTERVAL_MS: durationMs(0)
    .default(60_000)
    .describe(
      'The last hash is logged this often, where there were entries; 0 = only at the end of a file and of the service.',
    ),
};
