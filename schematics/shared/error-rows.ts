import type { Rule } from '@angular-devkit/schematics';

/** A reason, as a feature's errors.md lists it. */
export interface ErrorRow {
  readonly reason: string;
  readonly code: string;
  readonly status: number;
  readonly when: string;
}

const HEAD = '| Reason | Code | HTTP | When |\n| --- | --- | --- | --- |\n';

/** Adds a reason to the errors.md of a feature, which it makes when there is none, in the order of names. */
export function addErrorRow(folder: string, feature: string, row: ErrorRow): Rule {
  return (tree) => {
    const file = `${folder}/errors.md`;
    const line = `| \`${row.reason}\` | \`${row.code}\` | ${row.status} | ${row.when} |`;
    if (!tree.exists(file)) return tree.create(file, `# Errors of ${feature}\n\n${HEAD}${line}\n`);
    const lines = tree.readText(file).trimEnd().split('\n');
    const last = lines.findLastIndex((each) => each.startsWith('|'));
    if (last === -1) return tree.overwrite(file, `${lines.join('\n')}\n\n${HEAD}${line}\n`);
    const next = lines.findIndex((each) => each.startsWith('| `') && each > line);
    tree.overwrite(file, `${lines.toSpliced(next === -1 ? last + 1 : next, 0, line).join('\n')}\n`);
  };
}
