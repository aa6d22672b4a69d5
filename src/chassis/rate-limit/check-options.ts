import type { RateLimitOptions } from './rate-limit.options.js';

const NAME = /^[A-Za-z][\w.-]{0,63}$/;
const OPTIONS = new Set(['name', 'limit', 'windowMs', 'burst', 'by', 'cost', 'per', 'excess']);
const KEYS = new Set(['all', 'route', 'rpc', 'principal', 'api-key', 'ip', 'tenant']);
const DAY_MS = 86_400_000;
const MAX_TOKENS = 1_000_000_000;

/** @throws {TypeError} naming the option that is not valid and what it must be */
export function checkOptions(options: RateLimitOptions): void {
  const { name, limit, windowMs = 1000, burst = limit, by = 'route', cost = 1 } = options;
  const { per = 'call', excess = 'refuse' } = options;
  const unknown = Object.keys(options).find((option) => !OPTIONS.has(option));
  if (unknown !== undefined) refuse(unknown, `left out: there are ${[...OPTIONS].join(', ')}`);
  if (name !== undefined && !NAME.test(name))
    refuse('name', 'letters, digits, "_", "." and "-", a letter first, at most 64');
  if (!isCount(limit)) refuse('limit', `a whole number from 1 to ${MAX_TOKENS}`);
  if (!isCount(burst)) refuse('burst', `a whole number from 1 to ${MAX_TOKENS}`);
  if (!(windowMs >= 1 && windowMs <= DAY_MS)) refuse('windowMs', `from 1 to ${DAY_MS} milliseconds`);
  if (typeof by !== 'function' && !KEYS.has(by)) refuse('by', `a function or one of ${[...KEYS].join(', ')}`);
  if (typeof cost !== 'function' && !(isCount(cost) && cost <= burst))
    refuse('cost', `a function or a whole number from 1 to the burst, ${burst}`);
  if (per !== 'call' && per !== 'message') refuse('per', 'call or message');
  if (excess !== 'refuse' && excess !== 'wait') refuse('excess', 'refuse or wait');
  if (excess === 'wait' && per === 'call') refuse('excess', 'wait only where per is message');
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_TOKENS;
}

function refuse(option: string, allowed: string): never {
  throw new TypeError(`@RateLimit: ${option} must be ${allowed}`);
}
