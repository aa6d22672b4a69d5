import dns from 'node:dns';
import type { LookupFunction } from 'node:net';

/** Asks DNS for one host; while DNS itself fails (EAI_AGAIN), what it said last holds. A name that is gone is gone. */
export function steadyLookup(): LookupFunction {
  let last: Parameters<Parameters<LookupFunction>[2]> | undefined;
  return (hostname, options, callback) => {
    dns.lookup(hostname, options, (...answer) => {
      const [error] = answer;
      if (!error) last = answer;
      callback(...(error?.code === 'EAI_AGAIN' && last ? last : answer));
    });
  };
}
