import dns from 'node:dns';
import type { LookupFunction } from 'node:net';

type Answer = Parameters<Parameters<LookupFunction>[2]>;

/**
 * Asks DNS for one host; while DNS itself fails (EAI_AGAIN), what it said last holds. A name that is gone is gone.
 * @param patienceMs how long it may take where there is a last answer: a name server that is away fails after many seconds
 */
export function steadyLookup(patienceMs: number): LookupFunction {
  let last: Answer | undefined;
  return (hostname, options, callback) => {
    const former = last;
    const patience = former && setTimeout(() => settle(former), patienceMs);
    let isSettled = false;
    const settle = (answer: Answer): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(patience);
      callback(...answer);
    };
    dns.lookup(hostname, options, (...answer) => {
      const [error] = answer;
      if (!error) last = answer;
      settle(error?.code === 'EAI_AGAIN' && last ? last : answer);
    });
  };
}
