import { z } from 'zod';
import { durationMs, optionalHttpUrl } from './fields.js';

/** How values that begin with `enc:` are decrypted; docs/secrets.md. These keys themselves are never encrypted. */
export const secretsConfigShape = {
  CONFIG_KEY_FILE: z
    .string()
    .default('')
    .describe('File with the keys of enc:v1 values; its owner and group alone may read it.'),
  CONFIG_KMS_REGION: z
    .string()
    .regex(/^[a-z0-9-]*$/, 'must be a region such as eu-central-1')
    .default('')
    .describe('Region of AWS KMS, for enc:kms1 values; empty = that of AWS_REGION.'),
  CONFIG_KMS_KEY_ID: z
    .string()
    .max(2048)
    .default('')
    .describe('Id, ARN or alias of the AWS KMS key that encrypts; decrypting needs none.'),
  CONFIG_KMS_ENDPOINT: optionalHttpUrl().describe(
    "Address of AWS KMS, such as a VPC's endpoint; empty = that of the region.",
  ),
  CONFIG_KMS_TIMEOUT_MS: durationMs(10)
    .default(3000)
    .describe('Longest wait for one answer of AWS KMS; four attempts at most.'),
};
