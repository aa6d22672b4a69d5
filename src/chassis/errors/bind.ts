import { StartError } from './start-error.js';

/** What is wrong, and what to do about it. */
const REASONS: Readonly<Record<string, readonly [reason: string, remedy: (key: string) => string]>> = {
  EADDRINUSE: [
    'the port is in use, by another process or another port of this one',
    (key) => `Free it, or set ${key} to another`,
  ],
  EACCES: ['this process may not use this port', (key) => `Set ${key} to one from 1024 on`],
  EADDRNOTAVAIL: ['this machine has no such address', (key) => `Correct ${hostKeyOf(key)}`],
  ENOTFOUND: ['no address is known by this name', (key) => `Correct ${hostKeyOf(key)}`],
};

/** Waits until a port is bound. @throws {StartError} naming its key when it cannot be had */
export async function bind(key: string, address: string, binding: Promise<unknown>): Promise<void> {
  try {
    await binding;
  } catch (error) {
    // grpc-js tells the code in the text only.
    const code = /\bE[A-Z]{4,}\b/.exec(error instanceof Error ? error.message : '')?.[0] ?? '';
    const known = REASONS[code];
    if (!known) throw error;
    const [reason, remedy] = known;
    throw new StartError(`Cannot listen on ${address}: ${reason} (${code}). ${remedy(key)}.`, {
      cause: error,
    });
  }
}

function hostKeyOf(portKey: string): string {
  return portKey === 'MANAGEMENT_PORT' ? 'MANAGEMENT_HOST, or HOST where it is empty' : 'HOST';
}
