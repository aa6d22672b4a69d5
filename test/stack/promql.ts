import type { SyntaxNodeRef } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** A metric that a query reads, with the labels by which it selects series of it. */
export interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** The names in a PromQL expression. */
export interface QueryNames {
  readonly selectors: readonly Selector[];
  /** Labels of `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`, each once. */
  readonly grouping: readonly string[];
}

/**
 * Reads the names of metrics and labels out of a PromQL expression, by the grammar of Prometheus' own editor.
 * Grafana's variables are to be replaced before: they are no PromQL.
 *
 * @throws Error that shows where the expression is no PromQL
 * @example
 * ```ts
 * namesIn('sum by (env) (rate(up{job="service"}[5m]))');
 * // { selectors: [{ metric: 'up', labels: ['job'] }], grouping: ['env'] }
 * ```
 */
export function namesIn(expression: string): QueryNames {
  const selectors: { metric: string; labels: string[] }[] = [];
  const grouping = new Set<string>();
  const textOf = ({ from, to }: SyntaxNodeRef) => expression.slice(from, to).replaceAll(/^["'`]|["'`]$/g, '');
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) throw notPromql(expression, node.from);
      const selector = selectors.at(-1);
      if (node.name === 'VectorSelector') selectors.push({ metric: '', labels: [] });
      else if (node.name === 'Identifier' && selector) selector.metric = textOf(node);
      else if (node.name === 'LabelName' || node.name === 'QuotedLabelName') {
        if (node.matchContext(['GroupingLabels'])) grouping.add(textOf(node));
        else selector?.labels.push(textOf(node));
      }
    },
  });
  return { selectors, grouping: [...grouping] };
}

function notPromql(expression: string, at: number): Error {
  return new Error(`Not PromQL at character ${at}:\n${expression.slice(0, at)} >>> ${expression.slice(at)}`);
}
