/** What every metric tells of itself. */
export interface MetricDefinition<Labels extends readonly string[] = readonly string[]> {
  /** snake_case with its base unit last: `payment_duration_seconds`; counters end in `_total`. */
  readonly name: string;
  /** One sentence for whoever reads the scrape. */
  readonly help: string;
  /**
   * Names of the labels, in the order in which `labels(…)` takes their values. Each value must come
   * from a small, known set: an enum, a route template; never an id.
   * @default none
   */
  readonly labels?: Labels;
  /**
   * Most combinations of label values; what comes beyond them counts in one series whose values are
   * all `(overflow)`, and is warned of once.
   * @default 1000
   */
  readonly maxSeries?: number;
}

/**
 * What `/metrics` says of a gauge where several workers serve (`WORKERS`): one series for each of them,
 * told apart by a label `worker`, or their sum.
 */
export type AcrossWorkers = 'each' | 'sum';

/** One value for each label. */
export type LabelValues<Labels extends readonly string[]> = { readonly [Index in keyof Labels]: string };

/** The kinds of metrics the registry makes. */
export type MetricType = 'counter' | 'gauge' | 'histogram';

/** A definition of any kind, as far as two of them are compared. */
export interface ComparedDefinition<Labels extends readonly string[]> extends MetricDefinition<Labels> {
  readonly buckets?: readonly number[];
  readonly collect?: unknown;
  readonly acrossWorkers?: AcrossWorkers;
}

const NAME = /^[a-z][a-z0-9_]*$/;
const RESERVED_SUFFIX = /_(total|bucket|count|sum|created|info)$/;
const SUFFIXES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: [],
  gauge: [],
  histogram: ['_bucket', '_count', '_sum'],
};

/** @throws {TypeError} saying what is wrong with a definition and how to correct it */
export function checkDefinition(type: MetricType, { name, help, labels = [] }: MetricDefinition): void {
  const refuse = (fault: string): never => {
    throw new TypeError(`Metric "${name}" ${fault}`);
  };
  if (!NAME.test(name)) refuse('has a bad name: use lower-case letters, digits and "_", a letter first');
  if (type === 'counter' && !name.endsWith('_total')) refuse('is a counter: its name must end in "_total"');
  if (type !== 'counter' && RESERVED_SUFFIX.test(name) && !(type === 'gauge' && name.endsWith('_info')))
    refuse(`is a ${type}: its name must not end in "${RESERVED_SUFFIX.exec(name)?.[0]}"`);
  if (help.trim() === '') refuse('has no help: say in one sentence what it counts');
  for (const label of labels) {
    if (!NAME.test(label) || label.startsWith('__')) refuse(`has a bad label name "${label}"`);
    if (type === 'histogram' && label === 'le') refuse('has the label "le", which is for buckets');
  }
  if (new Set(labels).size < labels.length) refuse(`has a label twice: ${labels.join(', ')}`);
}

/** Every name that a metric takes in either exposition format. */
export function namesOf(type: MetricType, name: string): string[] {
  const family = type === 'counter' ? name.replace(/_total$/, '') : name;
  return [...new Set([name, family, ...SUFFIXES[type].map((suffix) => name + suffix)])];
}

/** @throws {TypeError} when they do not rise */
export function checkBuckets(name: string, buckets: readonly number[]): void {
  const isRising = buckets.every(
    (bound, index) => bound > (buckets[index - 1] ?? -Infinity) && bound < Infinity,
  );
  if (!isRising || buckets.length === 0)
    throw new TypeError(`Metric "${name}" needs buckets that rise; +Inf is added by itself`);
}

/** What has to be the same for two definitions to mean the same metric. */
export function describeDefinition(
  type: MetricType,
  definition: ComparedDefinition<readonly string[]>,
): string {
  const { help, labels = [], maxSeries, buckets, collect, acrossWorkers } = definition;
  const parts = [type, `{${labels.join(', ')}}`, JSON.stringify(help)];
  if (maxSeries !== undefined) parts.push(`maxSeries ${maxSeries}`);
  if (buckets) parts.push(`buckets ${buckets.join(' ')}`);
  if (collect !== undefined) parts.push('collected');
  if (acrossWorkers !== undefined) parts.push(`across workers ${acrossWorkers}`);
  return parts.join(' ');
}
