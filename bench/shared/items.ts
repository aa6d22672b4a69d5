/** What every target serves: 1,000 items in memory. A create takes the next place, so memory stays level. */
export interface Item {
  readonly id: string;
  readonly name: string;
  readonly priceAmount: number;
  readonly tags: readonly string[];
  readonly createdAt: string;
}

export type NewItem = Pick<Item, 'name' | 'priceAmount' | 'tags'>;

const PLACES = 1000;
const CREATED_AT = '2026-01-02T03:04:05.678Z';

export class ItemStore {
  readonly #items = new Map<string, Item>();
  #created = 0;

  constructor() {
    for (let place = 0; place < PLACES; place++) {
      const item = { id: `item-${place}`, name: `Item ${place}`, priceAmount: 1299, tags: ['red', 'small'] };
      this.#items.set(item.id, { ...item, createdAt: CREATED_AT });
    }
  }

  find(id: string): Item | undefined {
    return this.#items.get(id);
  }

  insert(input: NewItem): Item {
    const id = `new-${this.#created++ % PLACES}`;
    const item = { id, ...input, createdAt: new Date().toISOString() };
    this.#items.set(id, item);
    return item;
  }
}
