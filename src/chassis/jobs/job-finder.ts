import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { StartError } from '../errors/index.js';
import { markedMethods, NOT_LASTING, type MarkedMethod } from '../lifecycle/index.js';
import { jobOptionsOf, type JobMethod, type JobOptions } from './job.decorator.js';
import { createSchedule, type Schedule } from './schedule.js';

const NAME = /^[A-Za-z0-9][\w.-]{0,99}$/;
const OPTIONS = new Set(['name', 'cron', 'everyMs', 'timeZone', 'timeoutMs', 'lock', 'runOnStart']);
const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_TIMEOUT_MS = 86_400_000;

/** A job as it was declared, checked. */
export interface JobDefinition {
  readonly name: string;
  /** Class and method. */
  readonly method: string;
  readonly schedule: Schedule;
  readonly timeoutMs: number;
  readonly isLocked: boolean;
  readonly runsOnStart: boolean;
  readonly work: JobMethod;
}

/** Finds the methods that are marked with `@Job`. */
@Injectable()
export class JobFinder {
  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws {StartError} with all that is wrong with all of them */
  find(): JobDefinition[] {
    const faults: string[] = [];
    const names = new Set<string>();
    const jobs = markedMethods(this.discovery, jobOptionsOf).map((marked) => {
      const { name = marked.name } = marked.mark;
      const tell = (fault: string) => faults.push(`${marked.name} ${fault}`);
      if (names.has(name)) tell(`has the name "${name}", which another job has already`);
      names.add(name);
      return define(marked, name, tell);
    });
    if (faults.length > 0) throw new StartError(`Jobs cannot run as they are declared: ${faults.join('; ')}`);
    return jobs.filter((job) => job !== undefined);
  }
}

function define(
  { name: method, mark: options, call, isLasting }: MarkedMethod<JobOptions>,
  name: string,
  tell: (fault: string) => void,
): JobDefinition | undefined {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, lock = true, runOnStart = false } = options;
  for (const option of Object.keys(options).filter((each) => !OPTIONS.has(each)))
    tell(`has ${option}, which is no option: there are ${[...OPTIONS].join(', ')}`);
  if (!NAME.test(name)) tell(`has the name "${name}": use letters, digits, ".", "_" and "-", 100 at most`);
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS)
    tell(`has timeoutMs ${timeoutMs}, which must be a whole number from 1 to a day`);
  if (!isLasting) tell(NOT_LASTING);
  try {
    const schedule = createSchedule(options);
    return {
      name,
      method,
      schedule,
      timeoutMs,
      isLocked: lock,
      runsOnStart: runOnStart,
      work: call as JobMethod,
    };
  } catch (error) {
    tell((error as Error).message);
    return undefined;
  }
}
