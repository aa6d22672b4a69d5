import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../support/build.js';
import { HttpTestClient } from '../support/http-test-client.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';
import { RobotReceiver } from './robot-receiver.js';

/** What Alertmanager has to send as its bearer token. */
export const BRIDGE_TOKEN = 'token-of-alertmanager';

/** The bridge as the container starts it. */
export interface BridgeProcess {
  readonly process: ServiceProcess;
  /** Its port. */
  readonly http: HttpTestClient;
}

/** Starts `docker/bridge/bridge.ts` for this robot; without one, messages go to its log. */
export async function startBridge(
  robot: RobotReceiver | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<BridgeProcess & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-'));
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `${text}\n`);
    return path;
  };
  const process = await startProcess({
    root: PROJECT,
    program: join(PROJECT, 'docker/bridge/bridge.ts'),
    env: {
      BRIDGE_PORT: '0',
      BRIDGE_TOKEN_FILE: file('token', BRIDGE_TOKEN),
      ...(robot && {
        DINGTALK_WEBHOOK_URL_FILE: file('webhook-url', robot.url),
        DINGTALK_SECRET_FILE: file('secret', RobotReceiver.SECRET),
      }),
      ...env,
    },
  });
  const { address } = await process.line('bridge ready');
  return {
    process,
    http: new HttpTestClient(String(address)),
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
