/** Stands for every label value beyond `maxSeries`. */
export const OVERFLOW = '(overflow)';

type Node<Series> = Map<string, Node<Series> | Series>;

export interface SeriesTableOptions<Series> {
  /** The metric's, for what is thrown. */
  readonly name: string;
  readonly width: number;
  readonly maxSeries: number;
  readonly create: () => Series;
  /** Called once, when the first combination found no place. */
  readonly onOverflow: () => void;
}

/** One series for each combination of label values, found value by value: no key is put together. */
export class SeriesTable<Series extends object> {
  /** Each series with its label values, oldest first. */
  readonly entries: { readonly values: readonly string[]; readonly series: Series }[] = [];
  readonly #root: Node<Series> = new Map();
  #overflow: Series | undefined;

  constructor(private readonly options: SeriesTableOptions<Series>) {}

  /** The series of these values, made on first use. @throws {TypeError} when their number is wrong */
  find(values: readonly string[]): Series {
    const { name, width } = this.options;
    if (values.length !== width)
      throw new TypeError(`Metric "${name}" needs ${width} label values, got ${values.length}`);
    let node: Node<Series> | Series | undefined = this.#root;
    for (const value of values) node = (node as Node<Series> | undefined)?.get(value);
    if (width === 0) return this.entries[0]?.series ?? this.#add(values);
    return (node as Series | undefined) ?? this.#make(values);
  }

  #make(values: readonly string[]): Series {
    if (this.entries.length < this.options.maxSeries) return this.#put(values, this.#add(values));
    if (!this.#overflow) {
      this.#overflow = this.#add(values.map(() => OVERFLOW));
      this.options.onOverflow();
    }
    return this.#overflow;
  }

  #add(values: readonly string[]): Series {
    const series = this.options.create();
    this.entries.push({ values, series });
    return series;
  }

  #put(values: readonly string[], series: Series): Series {
    let node = this.#root;
    for (const value of values.slice(0, -1)) {
      const next = (node.get(value) as Node<Series> | undefined) ?? new Map<string, Node<Series> | Series>();
      node.set(value, next);
      node = next;
    }
    node.set(values.at(-1) ?? '', series);
    return series;
  }
}
