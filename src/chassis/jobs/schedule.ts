import { Cron } from 'croner';
import type { JobOptions } from './job.decorator.js';

const MIN_EVERY_MS = 100;
const MAX_EVERY_MS = 86_400_000;

/** The times at which a job is due. */
export interface Schedule {
  /** As `GET /jobs` shows it. */
  readonly text: string;
  /** The first time after `after`, both in epoch milliseconds; `undefined` when there is none. */
  next(after: number): number | undefined;
}

/** @throws Error saying what is wrong with `cron`, `everyMs` or `timeZone` */
export function createSchedule({ cron, everyMs, timeZone }: JobOptions): Schedule {
  if (cron !== undefined && everyMs === undefined) return cronSchedule(cron, timeZone ?? 'UTC');
  if (everyMs === undefined || cron !== undefined) throw new Error('needs one of cron and everyMs');
  if (timeZone !== undefined) throw new Error('has a timeZone, which is for cron only');
  return periodicSchedule(everyMs);
}

function cronSchedule(pattern: string, timezone: string): Schedule {
  assertTimeZone(timezone);
  const cron = parseCron(pattern, timezone);
  const next = (after: number) => cron.nextRun(new Date(after))?.getTime();
  if (next(Date.now()) === undefined) throw new Error(`has the cron "${pattern}", which is never due`);
  return { text: `${pattern} (${timezone})`, next };
}

function parseCron(pattern: string, timezone: string): Cron {
  try {
    return new Cron(pattern, { timezone, paused: true, mode: '5-or-6-parts' });
  } catch (error) {
    const fault = (error as Error).message.replace(/^CronPattern: /, '');
    throw new Error(`has the cron "${pattern}": ${fault}`, { cause: error });
  }
}

function assertTimeZone(timeZone: string): void {
  try {
    void new Intl.DateTimeFormat('en', { timeZone });
  } catch (error) {
    throw new Error(`has the timeZone "${timeZone}", which is no IANA name such as Europe/Berlin`, {
      cause: error,
    });
  }
}

function periodicSchedule(everyMs: number): Schedule {
  if (!Number.isInteger(everyMs) || everyMs < MIN_EVERY_MS || everyMs > MAX_EVERY_MS)
    throw new Error(`has everyMs ${everyMs}, which must be a whole number from ${MIN_EVERY_MS} to a day`);
  return {
    text: `every ${everyMs} ms`,
    next: (after) => (Math.floor(after / everyMs) + 1) * everyMs,
  };
}
