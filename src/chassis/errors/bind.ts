import { StartError } from './start-error.js';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process uses this port',
  EACCES: 'this process may not use this port',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** Waits until a port is bound. @throws {StartError} naming its key when it cannot be had */
export async function bind(key: string, address: string, binding: Promise<unknown>): Promise<void> {
  try {
    await binding;
  } catch (error) {
    // grpc-js tells the code in the text only.
    const code = /\bE[A-Z]{4,}\b/.exec(error instanceof Error ? error.message : '')?.[0] ?? '';
    const reason = REASONS[code];
    if (!reason) throw error;
    throw new StartError(
      `Cannot listen on ${address}: ${reason} (${code}). Free it, or set ${key} or its host to another.`,
      { cause: error },
    );
  }
}
