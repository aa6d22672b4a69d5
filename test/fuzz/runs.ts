const DEFAULT_RUNS = 2500;
const DEFAULT_SEED = 20_260_101;
const SOAK_FACTOR = 20;

/**
 * How often and from which seed: `FUZZ_RUNS`, `FUZZ_SEED`. Every `make test` sends the same requests, so
 * that a failure belongs to the change at hand; `SOAK=1` sends twenty times as many, new ones each time.
 */
export function fuzzParameters(): { readonly numRuns: number; readonly seed: number } {
  const isSoak = Boolean(process.env['SOAK']);
  const seed = Number(process.env['FUZZ_SEED'] || (isSoak ? Date.now() % 2 ** 31 : DEFAULT_SEED));
  const numRuns = Number(process.env['FUZZ_RUNS'] || (isSoak ? DEFAULT_RUNS * SOAK_FACTOR : DEFAULT_RUNS));
  process.stdout.write(`fuzz: FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}\n`);
  return { seed, numRuns };
}

/** A machine that is busy with other tests is no fault of the calls: what the service says of it would be found. */
export const UNDISTURBED = { LOAD_SHEDDING: 'off', HEALTH_TIMEOUT_MS: '60000' };

/** Long enough for the runs of a soak; a run is 2 to 10 ms. */
export const FUZZ_TIMEOUT_MS = process.env['SOAK'] ? 3_600_000 : 300_000;
