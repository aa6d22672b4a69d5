/** Prometheus' own text, or OpenMetrics with exemplars. */
export type ExpositionFormat = 'text' | 'openmetrics';

interface MediaRange {
  readonly type: string;
  readonly version: string | undefined;
  /** 0 … 1 */
  readonly quality: number;
}

const OPENMETRICS = 'application/openmetrics-text';
const OPENMETRICS_VERSIONS = new Set<unknown>([undefined, '0.0.1', '1.0.0']);
const TEXT_VERSIONS = new Set<unknown>([undefined, '0.0.1', '0.0.4', '1.0.0']);

/**
 * The format that an `Accept` header asks for. OpenMetrics has to be named; where both are wanted
 * equally it wins. Whoever accepts neither gets text, as Prometheus' own libraries do it.
 * Source: RFC 9110, section 12.5.1
 */
export function negotiate(accept: string | undefined): ExpositionFormat {
  if (accept === undefined) return 'text';
  const ranges = accept.split(',').map(parseRange);
  const open = ranges.filter(
    ({ type, version }) => type === OPENMETRICS && OPENMETRICS_VERSIONS.has(version),
  );
  const best = Math.max(0, ...open.map(({ quality }) => quality));
  return best > 0 && best >= textQuality(ranges) ? 'openmetrics' : 'text';
}

/** The most exact range that covers text/plain decides. */
function textQuality(ranges: readonly MediaRange[]): number {
  for (const type of ['text/plain', 'text/*', '*/*']) {
    const matching = ranges.filter((range) => range.type === type && TEXT_VERSIONS.has(range.version));
    if (matching.length > 0) return Math.max(...matching.map(({ quality }) => quality));
  }
  return 0;
}

function parseRange(range: string): MediaRange {
  const [type = '', ...parts] = range.split(';').map((part) => part.trim().toLowerCase());
  const parameters = new Map(
    parts.map((part) => {
      const [name = '', value = ''] = part.split('=', 2).map((text) => text.trim());
      return [name, value.replace(/^"(.*)"$/, '$1')];
    }),
  );
  const weight = parameters.get('q');
  const quality =
    weight === undefined ? 1 : /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0;
  return { type, version: parameters.get('version'), quality };
}
