import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './parts/frame.ts';
import { eventLoop } from './runtime/event-loop.section.ts';
import { garbageCollection } from './runtime/garbage-collection.section.ts';
import { memory } from './runtime/memory.section.ts';
import { resources } from './runtime/resources.section.ts';

export function runtime(): Dashboard {
  return dashboard({
    uid: 'runtime',
    title: 'Runtime',
    description: 'Does Node.js have what it needs? Event loop, CPU, memory, garbage collection, handles.',
    sections: [eventLoop(), memory(), garbageCollection(), resources()],
  });
}
