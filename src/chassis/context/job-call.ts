import { CallContext } from './call-context.js';

/** One run of a job: work that no caller waits for. */
export class JobCall extends CallContext {
  readonly transport = 'job';

  constructor(
    requestId: string,
    /** Its name, such as `OrdersCleaner.run`. */
    readonly job: string,
    /** The time that it was due, or was asked for. */
    readonly scheduledAt: Date,
  ) {
    super(requestId);
  }
}
