import type { Change } from './change.ts';
import type { Comparison } from './compare.ts';

/** What a comparison found, as text for people. */
export function report({ baseline, rest, grpc, refusal }: Comparison): string {
  const lines = [headline(baseline), ...changesOf('REST', rest), ...changesOf('gRPC', grpc)];
  if (!refusal) return lines.join('\n');
  const { released, current, needed } = refusal;
  return [
    ...lines,
    '',
    `A client of ${released} would fail, and package.json says ${current}: a breaking change needs ${needed} or higher.`,
    'Keep what clients use (add beside it, remove it with the next such version), or raise the version:',
    `  npm version ${needed} --no-git-tag-version`,
  ].join('\n');
}

function headline(baseline: Comparison['baseline']): string {
  if (!baseline) return 'No commit yet: nothing to compare the contracts with.';
  if (baseline.isReleased) return `Compared with ${baseline.name}:`;
  return 'No release tag (v…) yet, so nothing is promised. Compared with the last commit, HEAD, for information:';
}

function changesOf(name: string, changes: readonly Change[]): string[] {
  const breaking = changes.filter(({ isBreaking }) => isBreaking);
  const others = changes.filter(({ isBreaking }) => !isBreaking);
  const counts = [count(breaking, 'breaking'), count(others, 'compatible')].filter(Boolean).join(', ');
  return [
    `${name}: ${counts || 'no change that a client could notice'}`,
    ...breaking.map(({ text }) => `  ✗ ${text}`),
    ...others.map(({ text }) => `  ✓ ${text}`),
  ];
}

function count(changes: readonly Change[], kind: string): string {
  if (changes.length === 0) return '';
  return `${changes.length} ${kind} ${changes.length === 1 ? 'change' : 'changes'}`;
}
