import type { Drift } from './find-drift.ts';

/** What drifted, as text for people. */
export function reportDrift({ shared, faults, allowed }: Drift): string {
  const operations = `${shared} ${shared === 1 ? 'operation' : 'operations'} on both transports`;
  const reasons = allowed.length === 0 ? '' : `, ${allowed.length} differing with a reason`;
  if (faults.length === 0) return `REST and gRPC agree: ${operations}${reasons}`;
  return [
    `REST and gRPC differ: ${operations}${reasons}`,
    ...faults.map(
      ({ operation, field, problem }) => `  ✗ ${[operation, field].filter(Boolean).join(' ')}: ${problem}`,
    ),
    'Make them the same, or give the reason in src/features/<name>/drift.json (docs/contracts.md).',
  ].join('\n');
}
