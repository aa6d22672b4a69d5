import { z } from 'zod';
import { durationMs, flag, integer, live, type KeyFault } from './fields.js';
import { listOf } from './list-of.js';
import { isProxyList } from './proxy-list.js';

/** Names with commas between them. */
const names = (pattern: RegExp, what: string) =>
  z.string().refine((text) => listOf(text).every((name) => pattern.test(name)), {
    error: `must be ${what} with commas between them`,
  });

/** The characters of a token. Source: RFC 9110, section 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Limits and habits of the two transports that keep hostile input out, whatever a feature does. */
export const baselineConfigShape = {
  TRUSTED_PROXIES: z
    .string()
    .refine(isProxyList, {
      error:
        'must be addresses, CIDRs such as 10.0.0.0/8, or the words loopback and private, with commas between them; not /0',
    })
    .default('')
    .describe('Who may say by x-forwarded-… where a call comes from; empty = nobody.'),
  SECURITY_HEADERS_ENABLED: flag('true').describe(
    "Helmet's headers on every REST answer; false where a proxy sets its own.",
  ),
  HSTS_MAX_AGE_S: integer(0, 63_072_000)
    .default(31_536_000)
    .describe('Browsers use https for so many seconds; sent over TLS only; 0 = never sent.'),
  CORS_ORIGINS: live(
    z
      .string()
      .refine((text) => text === '*' || listOf(text).every(isOrigin), {
        error: 'must be origins such as https://app.example.org with commas between them, or *',
      })
      .default('')
      .describe('Web pages of other origins that may call REST; empty = none, * = all.'),
  ),
  CORS_METHODS: live(
    names(/^[A-Z]+$/, 'methods')
      .default('GET,HEAD,POST,PUT,PATCH,DELETE')
      .describe('… with these methods …'),
  ),
  CORS_REQUEST_HEADER_NAMES: live(
    names(TOKEN, 'header names')
      .default('authorization,content-type,idempotency-key,traceparent,x-request-id,x-request-timeout-ms')
      .describe('… and these headers; they may read …'),
  ),
  CORS_RESPONSE_HEADER_NAMES: live(
    names(TOKEN, 'header names')
      .default('x-request-id,retry-after,ratelimit,ratelimit-policy')
      .describe('… these headers of the answer.'),
  ),
  CORS_CREDENTIALS: live(flag('false').describe('Their browsers may send cookies; not with CORS_ORIGINS=*.')),
  CORS_MAX_AGE_S: live(
    integer(0, 86_400).default(600).describe('A browser asks for leave again after so many seconds.'),
  ),
  MAX_HEADER_FIELDS: integer(16, 2000)
    .default(100)
    .describe('Most header fields of a request, gRPC metadata alike; then 431.'),
  MAX_JSON_DEPTH: integer(4, 1000).default(64).describe('Deepest nesting of a JSON body; then 400.'),
  HTTP_MAX_URL_LENGTH: integer(256, 65_536)
    .default(8192)
    .describe('Longest URL; then 414. MAX_HEADER_BYTES counts it, too, and answers 431.'),
  HTTP_MAX_QUERY_PARAMETERS: integer(1, 10_000).default(100).describe('Most query parameters; then 400.'),
  HTTP_MAX_PATH_PARAMETER_LENGTH: integer(16, 8192)
    .default(256)
    .describe('Longest path parameter; then 414.'),
  HTTP_MAX_PIPELINED: integer(1, 1000)
    .default(16)
    .describe('Most requests on one HTTP/1.1 connection that wait for their answer; then 429.'),
  HTTP_STALLED_TIMEOUT_MS: durationMs(1000)
    .default(60_000)
    .describe(
      'A connection amid a call on which nothing moves is closed after it: the client does not read. At least MAX_DEADLINE_MS and a second.',
    ),
  HTTP_MAX_CONNECTIONS: integer(1, 1_000_000)
    .default(10_000)
    .describe('Most REST connections of one process; further ones are closed.'),
  GRPC_MAX_CONNECTIONS: integer(1, 1_000_000)
    .default(10_000)
    .describe('Most gRPC connections of one process; further ones are closed.'),
  MAX_CONNECTIONS_PER_IP: integer(0, 1_000_000)
    .default(0)
    .describe('Most connections of one address on each port, those of trusted proxies aside; 0 = no limit.'),
  GRPC_MAX_CONCURRENT_STREAMS: integer(1, 1_000_000)
    .default(1000)
    .describe('Most calls under way on one gRPC connection; clients are told, and wait or connect again.'),
  GRPC_STREAM_RESET_BURST: integer(1, 1_000_000)
    .default(500)
    .describe('A gRPC connection may reset so many streams at once …'),
  GRPC_STREAM_RESET_RATE: integer(1, 1_000_000)
    .default(100)
    .describe('… and so many a second for long; then it is ended.'),
};

/** What the keys of CORS need of one another. */
export function corsFaults(keys: {
  readonly CORS_ORIGINS: string;
  readonly CORS_CREDENTIALS: 'true' | 'false';
}): KeyFault[] {
  if (keys.CORS_ORIGINS !== '*' || keys.CORS_CREDENTIALS === 'false') return [];
  const message = 'must be false, or CORS_ORIGINS name the origins: browsers refuse * with credentials';
  return [{ path: ['CORS_CREDENTIALS'], message }];
}

function isOrigin(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '') && URL.parse(text)?.origin === text;
}
