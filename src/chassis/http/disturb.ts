import type { FastifyReply } from 'fastify';
import { runInCall, type Disturbance, type HttpCall } from '../context/index.js';
import { breakOff } from './break-off.js';

/** Does to a call what is to be done on purpose, and lets it go on if it may. */
export function disturb(
  disturbance: Disturbance,
  call: HttpCall,
  { raw }: FastifyReply,
  next: (error?: Error) => void,
): void {
  if (disturbance.cut) breakOff(raw, call, disturbance.cut);
  void runInCall(call, async () => {
    try {
      await disturbance.begin();
    } catch (error) {
      // An aborted call has its answer, or nobody waits for it.
      if (!call.abortReason) next(error as Error);
      return;
    }
    next();
  });
}
