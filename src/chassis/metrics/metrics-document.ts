/** One line of `docs/metrics.md`. */
export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

const INTRODUCTION = `# Metrics

Served at \`/metrics\` of the management port: Prometheus text, or OpenMetrics with exemplars (the trace id of the
latest sampled call of each bucket) when \`Accept\` asks for \`application/openmetrics-text\`, as Prometheus does
with \`--enable-feature=exemplar-storage\`. Written by the test that compares it with the registry
(\`npx vitest run test/project -u\`). How to add one of your own: inject \`MetricsRegistry\` from \`#chassis/metrics\`.

Label values are bounded: routes and rpcs are templates, what matches none is \`(unknown)\`, an HTTP method that the
standard does not know is \`_OTHER\`, and beyond \`maxSeries\` everything counts as \`(overflow)\`.
`;

/** `docs/metrics.md`: every metric the registry has, by name. */
export function renderMetricsDocument(metrics: readonly MetricDescription[]): string {
  const rows = metrics.map(({ name, type, labels, help }) => {
    const cells = [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help.trim()];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    INTRODUCTION,
    '| metric | type | labels | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
