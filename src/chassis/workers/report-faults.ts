import type { ToPrimary } from './messages.js';

/** From now on the primary hears of what ends this worker before there is a service that could tell. */
export function reportFaults(): void {
  process.on('uncaughtExceptionMonitor', (error: unknown) => {
    const fault = error instanceof Error ? error : new Error(String(error));
    const message: ToPrimary = {
      kind: 'failed',
      message: fault.message,
      ...(fault.stack !== undefined && { stack: fault.stack }),
    };
    if (process.connected) process.send?.(message);
  });
}
