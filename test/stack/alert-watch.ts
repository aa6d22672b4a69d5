import { setTimeout as sleep } from 'node:timers/promises';
import type { ActiveAlert, PrometheusServer } from '../support/prometheus-server.js';

const POLL_MS = 500;

/** Follows which alerts fire. */
export class AlertWatch {
  isOver = false;
  /** What fires at the moment, by `name service`. */
  #firing = new Map<string, ActiveAlert>();

  constructor(private readonly prometheus: PrometheusServer) {
    void this.#watch();
  }

  find(alert: string, service: string): ActiveAlert | undefined {
    return this.#firing.get(`${alert} ${service}`);
  }

  fires(alert: string, service: string): boolean {
    return this.find(alert, service) !== undefined;
  }

  /** Nothing fires. */
  get isQuiet(): boolean {
    return this.#firing.size === 0;
  }

  /** Seconds until the alert of `service` fires, or no longer does. @throws Error when it takes longer than the limit */
  async until(alert: string, service: string, fires: boolean, limitMs: number): Promise<number> {
    const begin = performance.now();
    while (this.fires(alert, service) !== fires) {
      if (performance.now() - begin > limitMs)
        throw new Error(`${alert} of ${service} ${fires ? 'does not fire' : 'does not clear'}`);
      await sleep(POLL_MS);
    }
    return (performance.now() - begin) / 1000;
  }

  stop(): void {
    this.isOver = true;
  }

  async #watch(): Promise<void> {
    while (!this.isOver) {
      // A scrape or an answer that is late on a busy machine is asked for again.
      const alerts = await this.prometheus.alerts().catch(() => undefined);
      if (alerts) {
        const firing = alerts.filter(({ state }) => state === 'firing');
        this.#firing = new Map(
          firing.map((alert) => [`${alert.labels['alertname']} ${alert.labels['service']}`, alert]),
        );
      }
      await sleep(POLL_MS);
    }
  }
}
