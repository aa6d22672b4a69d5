/**
 * A store remembers the time of the last run for so long: longer than clocks of instances differ, and no longer, since
 * one whose clock ran far ahead would keep all others out until that time has come.
 */
export const MEMORY_MS = 86_400_000;

/**
 * What became of asking for a run:
 * - `acquired`: it may run.
 * - `taken`: another instance runs it, or has run it, for the same time.
 * - `busy`: a run of an earlier time goes on.
 */
export type Claim = 'acquired' | 'taken' | 'busy';

/** One run of one job, as instances compete for it. */
export interface JobClaim {
  readonly job: string;
  /** The time that was due, in epoch milliseconds: runs once among all who ask. */
  readonly dueAt: number;
  /** Random: whoever has another one cannot release it. */
  readonly token: string;
  /** After it the lock is free although nobody has released it; longer than the run may take. */
  readonly leaseMs: number;
}

/** Lets one of several instances run a job. */
export interface JobLock {
  readonly kind: 'postgres' | 'redis' | 'process';
  /** @throws when it cannot be asked; then nobody runs the job */
  claim(claim: JobClaim): Promise<Claim>;
  /** Ends the claim; one that has ended already is left alone. */
  release(claim: JobClaim): Promise<void>;
}

/** For a service of one process: a job never overlaps itself there anyway. */
export const processLock: JobLock = {
  kind: 'process',
  claim: async () => 'acquired',
  release: async () => undefined,
};
