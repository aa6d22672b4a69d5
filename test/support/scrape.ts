import type { TestApp } from './test-app.js';

interface ScrapedSample {
  /** Name and labels as they stand there. */
  readonly series: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** What follows the value in OpenMetrics. */
  readonly exemplar: string | undefined;
}

type Labels = Readonly<Record<string, string>>;

const SAMPLE = /^([a-z_0-9]+)(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})? (\S+)(?: # (.*))?$/;

/** What `/metrics` of a service says at one time. */
export class Scrape {
  private constructor(
    readonly text: string,
    readonly samples: readonly ScrapedSample[],
  ) {}

  static async of(app: Pick<TestApp, 'management'>, accept = 'text/plain'): Promise<Scrape> {
    const { body } = await app.management.get('/metrics', { accept });
    const lines = String(body).split('\n');
    return new Scrape(body, lines.filter((line) => line !== '' && !line.startsWith('#')).map(parse));
  }

  /** Samples of `name` that have these labels, among others. */
  find(name: string, labels: Labels = {}): readonly ScrapedSample[] {
    return this.samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
  }

  /** The sum of what `find` finds; 0 when there is nothing. */
  sum(name: string, labels: Labels = {}): number {
    return this.find(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  /** Every series, without its value. */
  get series(): Set<string> {
    return new Set(this.samples.map(({ series }) => series));
  }
}

function parse(line: string): ScrapedSample {
  const [, name, labels = '', value, exemplar] = SAMPLE.exec(line) ?? [];
  if (name === undefined) throw new TypeError(`Not a sample: ${line}`);
  const pairs = [...labels.matchAll(/([a-z_]\w*)="((?:[^"\\]|\\.)*)"/g)];
  return {
    series: name + labels,
    name,
    labels: Object.fromEntries(pairs.map(([, key, text]) => [key, text])),
    value: Number(value?.replace('Inf', 'Infinity')),
    exemplar,
  };
}
