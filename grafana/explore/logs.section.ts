import { CustomVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { line, type Section } from '../parts/layout.ts';
import { LOG, logCurves, lines } from '../parts/log-panels.ts';

const LEVELS = 'fatal,error,warn,info,debug,trace';
/** Slower calls are worth a look: above it the latency objective counts a call as slow, in milliseconds. */
const SLOW_MS = 250;
/** Fields of the log line; a call's line has `route` or `rpc`, and lines outside of calls have no ids. */
const FIELDS = [
  'request_id=~".*$request_id.*"',
  'trace_id=~".*$trace_id.*"',
  '(route=~".*$route.*" or rpc=~".*$route.*")',
];
const CHOSEN = `${LOG} | json | ${FIELDS.join(' | ')}`;

/** The log lines that the variables choose. */
export function logs(): Section {
  return {
    title: 'Logs',
    lines: [
      line(
        7,
        logCurves({
          title: 'Lines by level',
          description: 'How much was logged. Errors that come with a deploy stand below its mark.',
          expr: `sum by (level) (count_over_time(${CHOSEN} | __error__="" [$__auto]))`,
          legend: '{{level}}',
        }),
        logCurves({
          title: 'Failed calls by reason',
          description: 'The reason of each error is in docs/errors.md.',
          expr: `sum by (reason) (count_over_time(${CHOSEN} | reason != "" | __error__="" [$__auto]))`,
          legend: '{{reason}}',
        }),
      ),
      line(
        12,
        lines({
          title: 'Lines',
          description:
            'The trace id of a line opens its trace; its request id, put in above, finds the whole call.',
          expr: CHOSEN,
        }),
      ),
      line(
        10,
        lines({
          title: 'Errors',
          description: 'Lines of level error and fatal, with their stacks.',
          expr: `${CHOSEN} | level =~ "error|fatal"`,
        }),
        lines({
          title: `Calls longer than ${SLOW_MS} ms`,
          description: 'Their last lines: route, status, time and trace id.',
          expr: `${CHOSEN} | latency_ms > ${SLOW_MS}`,
        }),
      ),
    ],
  };
}

/** Which levels are shown; all at first. */
export function levelVariable(): CustomVariableBuilder {
  return new CustomVariableBuilder('level')
    .label('Level')
    .values(LEVELS)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: ['All'], value: ['$__all'] });
}
