import { Logger } from '@nestjs/common';
import type { Unsubscribable } from 'rxjs';

const logger = new Logger('Streams');

/**
 * Leaves a stream of messages for which nobody waits any more. What its clean-up throws is in the log and stops nothing
 * else: it would end the process, since there is no call left that could fail with it.
 */
export function leaveMessages(subscription: Unsubscribable): void {
  try {
    subscription.unsubscribe();
  } catch (error) {
    logger.error({ err: error }, 'clean-up of a stream failed');
  }
}

/** The same for an iteration, of whose clean-up nothing is told. */
export async function leaveIteration(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // A fault of the clean-up itself has no receiver any more: the call is over.
  }
}
