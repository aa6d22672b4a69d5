import { ask, type MarkedCall } from './marked-call.ts';

/** Where calls can be found again. */
export interface Store {
  /** As it is called in messages. */
  readonly name: string;
  /** What was found of one of these calls, in words; `undefined` while there is nothing. */
  find(calls: readonly MarkedCall[]): Promise<string | undefined>;
}

/** Around the calls: clocks differ, and samples have the time of their scrape. */
const MARGIN_MS = 300_000;

/** The call's line in Loki, found by its trace id. */
export function loki(url: string): Store {
  return {
    name: 'Loki',
    async find(calls) {
      for (const { traceId, requestId, at } of calls) {
        const query = `{service_name=~".+"} | trace_id = \`${traceId}\``;
        const range = { start: String((at - MARGIN_MS) * 1e6), end: String((at + MARGIN_MS) * 1e6) };
        const { data } = await getJson<{ data: { result: { values: [string, string][] }[] } }>(
          'Loki',
          url,
          '/loki/api/v1/query_range',
          { query, ...range },
        );
        const lines = data.result.flatMap(({ values }) => values.map(([, line]) => line));
        const line = lines.find((text) => text.includes(`"request_id":"${requestId}"`));
        if (line !== undefined) return line;
      }
      return undefined;
    },
  };
}

/** The call's trace as an exemplar in Prometheus: at each scrape a bucket has that of its latest call. */
export function prometheus(url: string): Store {
  return {
    name: 'Prometheus',
    async find(calls) {
      const query = 'http_server_request_duration_seconds_bucket{job="service"}';
      const [first = { at: Date.now() }] = calls;
      const range = { start: seconds(first.at - MARGIN_MS), end: seconds(Date.now() + MARGIN_MS) };
      const { data } = await getJson<{
        data: { exemplars: { labels: { trace_id?: string }; value: string }[] }[];
      }>('Prometheus', url, '/api/v1/query_exemplars', { query, ...range });
      const known = new Set(calls.map(({ traceId }) => traceId));
      const found = data
        .flatMap(({ exemplars }) => exemplars)
        .find(({ labels }) => known.has(labels.trace_id ?? ''));
      return found && `a call of ${found.value} s, trace ${found.labels.trace_id}`;
    },
  };
}

/** The call's trace in Tempo. */
export function tempo(url: string): Store {
  return {
    name: 'Tempo',
    async find(calls) {
      for (const { traceId } of calls) {
        const response = await ask('Tempo', new URL(`/api/traces/${traceId}`, url), {
          headers: { accept: 'application/json' },
        });
        if (response.status === 404) continue;
        if (!response.ok) throw new Error(`Tempo answered ${response.status}: ${await response.text()}`);
        // Named so in Tempo's own form, and in OTLP's.
        const { batches, resourceSpans } = (await response.json()) as Record<string, object[] | undefined>;
        if ([batches ?? [], resourceSpans ?? []].flat().length > 0) return `trace ${traceId}`;
      }
      return undefined;
    },
  };
}

async function getJson<T>(who: string, url: string, path: string, query: Record<string, string>): Promise<T> {
  const response = await ask(who, new URL(`${path}?${new URLSearchParams(query).toString()}`, url));
  if (!response.ok) throw new Error(`${who} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
