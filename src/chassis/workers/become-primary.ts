import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { loadChassisConfig, type Config } from '../config/index.js';
import { createLogging } from '../logging/primary.js';
import { StartError } from '../errors/primary.js';
import { Primary } from './primary.js';
import { reportFaults } from './report-faults.js';

export interface PrimaryOptions {
  /** The project's folder: holds `config/`. */
  readonly root: URL;
}

/**
 * Makes this process the primary of several workers where the configuration wants them (`WORKERS`), and
 * starts them from the program that this process runs. Returns whether it did; otherwise this process is a
 * worker, or serves alone. It loads no container and no feature.
 */
export async function becomePrimary({ root }: PrimaryOptions): Promise<boolean> {
  if (cluster.isWorker) {
    reportFaults();
    return false;
  }
  const read = (): Promise<Config> => loadChassisConfig({ env: process.env, directory: fileURLToPath(root) });
  const config = await readQuietly(read);
  if (!config || countWorkers(config) === 1) return false;
  const primary = new Primary({ config, logging: createLogging(config), read, countWorkers });
  await primary.run();
  return true;
}

/**
 * Several workers are wanted, and no primary has begun them: it could not read what this process can, such as a
 * value that only the application's own provider decrypts.
 * @throws {StartError} rather than to serve with one process unnoticed
 */
export function refuseMissingPrimary(config: Config): void {
  if (countWorkers(config) === 1) return;
  throw new StartError(
    `WORKERS=${config.get('WORKERS')}: the primary, which loads no part of the application, could not read the ` +
      "configuration. Encrypt the chassis' own keys with v1 or kms1 (npm run config -- encrypt KEY), or set WORKERS=1.",
  );
}

/** A configuration that is not valid is told by the process that would serve: it knows the features' keys too. */
async function readQuietly(read: () => Promise<Config>): Promise<Config | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}

function countWorkers(config: Config): number {
  const wanted = config.get('WORKERS');
  return wanted === 'auto' ? availableParallelism() : wanted;
}
