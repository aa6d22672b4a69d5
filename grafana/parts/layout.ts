import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { RowBuilder, type Panel, type RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';

const COLUMNS = 24;

/** Panels side by side, equally wide. */
export interface Line {
  /** In Grafana's units, about 38 pixels each. */
  readonly height: number;
  readonly panels: readonly Builder<Panel>[];
}

/** Lines below a heading that folds them. */
export interface Section {
  readonly title: string;
  readonly lines: readonly Line[];
}

/**
 * A line of panels as wide as the page.
 * @throws {TypeError} when the 24 columns cannot be shared among so many
 */
export function line(height: number, ...panels: readonly Builder<Panel>[]): Line {
  if (COLUMNS % panels.length !== 0)
    throw new TypeError(`${panels.length} panels cannot share ${COLUMNS} columns; take 1, 2, 3, 4, 6 or 8`);
  return { height, panels };
}

/** Gives everything its number and its place: sections and lines below each other. */
export function arrange(sections: readonly Section[]): (Panel | RowPanel)[] {
  const arranged: (Panel | RowPanel)[] = [];
  let y = 0;
  for (const { title, lines } of sections) {
    const id = arranged.length + 1;
    arranged.push(new RowBuilder(title).id(id).gridPos({ x: 0, y, w: COLUMNS, h: 1 }).build());
    y += 1;
    for (const { height, panels } of lines) {
      const width = COLUMNS / panels.length;
      for (const [index, panel] of panels.entries()) {
        const gridPos = { x: index * width, y, w: width, h: height };
        arranged.push({ ...panel.build(), id: arranged.length + 1, gridPos });
      }
      y += height;
    }
  }
  return arranged;
}
