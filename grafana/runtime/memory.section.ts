import { curves } from '../parts/curves.ts';
import { line, type Line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { select, sum } from '../parts/query.ts';

const byInstance = (metric: string) => sum(select(metric), 'instance');

/** Where the memory is; several workers are summed up. */
export function memory(): Section {
  return {
    title: 'Memory',
    lines: [heap(), whole()],
  };
}

function heap(): Line {
  return line(
    8,
    curves({
      title: 'Heap',
      description:
        'What JavaScript uses of the heap that V8 holds. Used memory that grows from day to day is a leak.',
      unit: 'bytes',
      queries: [
        { expr: byInstance('nodejs_heap_size_used_bytes'), legend: '{{instance}} used' },
        { expr: byInstance('nodejs_heap_size_total_bytes'), legend: '{{instance}} held' },
      ],
    }),
    curves({
      title: 'Heap: used of its limit',
      description:
        'Near 1 the process ends for lack of memory: --max-old-space-size is the limit. Of workers, the fullest.',
      unit: 'percentunit',
      max: 1,
      thresholds: { warning: 0.8, bad: 0.9 },
      queries: [
        {
          expr: `max by (instance) (${select('nodejs_heap_size_used_bytes')} / ${select('nodejs_heap_size_limit_bytes')})`,
          legend: '{{instance}}',
        },
      ],
      links: [runbook('HeapNearLimit')],
    }),
  );
}

function whole(): Line {
  return line(
    8,
    curves({
      title: 'Heap by space',
      description: 'What lives long is in old_space and large_object_space, what is new in new_space.',
      unit: 'bytes',
      isStacked: true,
      queries: [{ expr: sum(select('nodejs_heap_space_size_used_bytes'), 'space'), legend: '{{space}}' }],
    }),
    curves({
      title: 'Memory of the process',
      description: 'Resident memory is what a container is limited by; external memory is that of buffers.',
      unit: 'bytes',
      queries: [
        { expr: byInstance('process_resident_memory_bytes'), legend: '{{instance}} resident' },
        { expr: byInstance('nodejs_external_memory_bytes'), legend: '{{instance}} external' },
      ],
    }),
  );
}
