import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { calls } from './explore/calls.section.ts';
import { levelVariable, logs } from './explore/logs.section.ts';
import { spans } from './explore/spans.section.ts';
import { dashboard } from './parts/frame.ts';
import { textVariable } from './parts/variables.ts';

export function explore(): Dashboard {
  return dashboard({
    uid: 'explore',
    title: 'Logs and traces',
    description: 'What happened to this call? From a point of the latency to its trace and to its log lines.',
    variables: [
      levelVariable(),
      textVariable('route', 'Route or rpc'),
      textVariable('request_id', 'Request id'),
      textVariable('trace_id', 'Trace id'),
    ],
    sections: [calls(), logs(), spans()],
  });
}
