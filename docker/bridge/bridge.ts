/**
 * Turns Alertmanager's webhook into signed messages of a DingTalk robot: `node docker/bridge/bridge.ts`.
 * docs/alertmanager.md says how to set it up; settings.ts has its environment variables.
 */
import { Bridge } from './bridge-server.ts';
import { Delivery } from './delivery.ts';
import { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import { Pace } from './pace.ts';
import { Robot } from './robot.ts';
import { loadSettings, SettingsError } from './settings.ts';

const log = new Log(process.stdout);

try {
  const settings = loadSettings(process.env);
  const metrics = new Metrics();
  const robot = settings.robot && new Robot(settings.robot);
  if (!robot) log.warn('no DingTalk robot is configured: messages go to this log', {});
  const delivery = new Delivery({ robot, pace: new Pace(settings.pace), log, metrics, ...settings.delivery });
  const bridge = new Bridge({ ...settings.server, delivery, log, metrics });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info('shutting down', { signal });
      delivery.stop();
      bridge.close(() => log.info('shut down', {}));
    });
  }
  bridge.listen();
} catch (error) {
  const message = error instanceof SettingsError ? error.message : String(error);
  log.error(`bridge did not start: ${message}`, {});
  process.exitCode = 1;
}
