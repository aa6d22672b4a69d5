import { line, type Section } from '../parts/layout.ts';
import { SPANS, trace, traces } from '../parts/trace-panels.ts';

const SERVER = `${SPANS} && kind = server`;

/** Traces worth a look, and the one that was chosen. */
export function spans(): Section {
  return {
    title: 'Traces',
    lines: [
      line(
        9,
        traces({
          title: 'Failed calls',
          description: 'The collector keeps every trace with an error. A click on an id opens the trace.',
          query: `{ ${SERVER} && status = error && name =~ ".*$route.*" }`,
        }),
        traces({
          title: 'Long calls',
          description: 'Calls of more than 250 ms: which span took the time?',
          query: `{ ${SERVER} && duration > 250ms && name =~ ".*$route.*" }`,
        }),
        traces({
          title: 'Long queries',
          description: 'Statements of more than 50 ms on the database, with the calls that ran them.',
          query: `{ ${SPANS} && span.db.system.name != nil && duration > 50ms }`,
        }),
      ),
      line(
        14,
        trace({
          title: 'The trace $trace_id',
          description: 'Put a trace id in above, or come here from a log line.',
          query: '$trace_id',
        }),
      ),
    ],
  };
}
