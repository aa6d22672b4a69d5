import { parser as logql } from '@grafana/lezer-logql';
import { parser as traceql } from '@grafana/lezer-traceql';
import type { LRParser } from '@lezer/lr';

const TRACE_ID = /^[\da-f]{32}$/;

/** @throws Error that shows where the text is no LogQL, by the grammar of Grafana's editor */
export function checkLogql(text: string): void {
  check(logql, 'LogQL', text);
}

/** A trace's id is a query, too. @throws Error that shows where the text is no TraceQL, by the grammar of Grafana's editor */
export function checkTraceql(text: string): void {
  if (!TRACE_ID.test(text)) check(traceql, 'TraceQL', text);
}

/** The labels that a LogQL query selects streams by, and those that it filters lines by. */
export function labelsInLogql(text: string): { readonly streams: string[]; readonly fields: string[] } {
  const streams: string[] = [];
  const fields: string[] = [];
  let endOfSelector = 0;
  logql.parse(text).iterate({
    enter(node) {
      if (node.name === 'Selector') endOfSelector = node.to;
      if (node.name !== 'Identifier' || node.matchContext(['Labels'])) return;
      (node.to <= endOfSelector ? streams : fields).push(text.slice(node.from, node.to));
    },
  });
  return { streams, fields };
}

function check(parser: LRParser, language: string, text: string): void {
  parser.parse(text).iterate({
    enter({ type, from }) {
      if (type.isError)
        throw new Error(
          `Not ${language} at character ${from}:\n${text.slice(0, from)} >>> ${text.slice(from)}`,
        );
    },
  });
}
