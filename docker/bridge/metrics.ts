const COUNTERS = {
  bridge_webhooks_total: ['Calls of Alertmanager, by how they were answered.', 'result'],
  bridge_robot_requests_total: ['Requests to DingTalk, by what came of them.', 'result'],
  bridge_alerts_total: ['Alerts in messages that were sent, by their status.', 'status'],
  bridge_alerts_left_out_total: ['Alerts that a message had no room for.', 'reason'],
} as const;

/** Name of a counter. */
export type Counter = keyof typeof COUNTERS;

/** Counters in Prometheus' text format; label values come from a few words of the code, never from a call. */
export class Metrics {
  readonly #counts = new Map<Counter, Map<string, number>>();

  count(counter: Counter, label: string, amount = 1): void {
    const counts = this.#counts.get(counter) ?? new Map<string, number>();
    this.#counts.set(counter, counts.set(label, (counts.get(label) ?? 0) + amount));
  }

  render(): string {
    const families = Object.entries(COUNTERS).map(([name, [help, label]]) => {
      const counts = [...(this.#counts.get(name as Counter) ?? [])];
      const samples = counts.map(([value, count]) => `${name}{${label}="${value}"} ${count}\n`).join('');
      return `# HELP ${name} ${help}\n# TYPE ${name} counter\n${samples}`;
    });
    return families.join('');
  }
}
