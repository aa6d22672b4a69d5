import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardCursorSync,
  type Dashboard,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { annotations } from './annotations.ts';
import { arrange, type Section } from './layout.ts';
import { menu, TAG } from './links.ts';
import { commonVariables } from './variables.ts';

export interface DashboardOptions {
  /** Part of its address, `/d/<uid>`, and the name of its file. */
  readonly uid: string;
  readonly title: string;
  /** The question that it answers. */
  readonly description: string;
  readonly sections: readonly Section[];
  /** Beside those that every dashboard has. */
  readonly variables?: readonly Builder<VariableModel>[];
}

/** A dashboard with what all of them share: variables, annotations, the menu, the time. */
export function dashboard({
  uid,
  title,
  description,
  sections,
  variables = [],
}: DashboardOptions): Dashboard {
  const frame = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .variables([...commonVariables(), ...variables])
    .annotations(annotations())
    .link(menu())
    .build();
  return { ...frame, panels: arrange(sections) };
}
