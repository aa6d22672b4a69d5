import type { Conflict } from './merge-package.ts';
import type { Upgrade } from './upgrade-chassis.ts';

/** Says what an upgrade did and what is left to do. */
export function reportUpgrade(
  { base, newer, lost, unmerged, conflicts }: Upgrade,
  changed: readonly string[],
  head: string,
): void {
  const [before, after] = [base.package.version, newer.package.version];
  console.log(
    `The chassis is ${after} now (before: ${before}): ${changed.length} files changed, staged (git status).`,
  );
  list(
    "You had changed these files of the chassis; they are the template's now. Your changes:",
    `git diff ${base.renamed} ${head} -- <file>`,
    lost,
  );
  list(
    'You and the template changed the same lines of these; they are as you have them. What the template changed:',
    `git diff ${base.renamed} ${newer.renamed} -- <file>`,
    unmerged,
  );
  list(
    "You and the template changed the same entries of package.json; they are the template's now. Yours were:",
    '',
    conflicts.filter(({ theirs }) => theirs !== undefined).map(print),
  );
  list(
    'The template took out these entries of package.json, which you had changed; they stay as you have them:',
    '',
    conflicts.filter(({ theirs }) => theirs === undefined).map(print),
  );
  const next = changed.includes('package-lock.json') ? 'npm ci; then ' : '';
  console.log(`Then: ${next}read what UPGRADING.md says since ${before}, make test, and commit.`);
}

function print({ key, yours }: Conflict): string {
  return `${key}: ${JSON.stringify(yours)}`;
}

function list(title: string, command: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  console.log([`\n${title} ${command}`, ...lines.map((line) => `  ${line}`), ''].join('\n'));
}
