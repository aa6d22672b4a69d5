import { UserError } from './user-error.ts';

interface Version {
  readonly major: number;
  readonly minor: number;
}

/**
 * The version that a breaking change after `released` needs at least: the next major one, before 1.0.0 the
 * next minor one (https://semver.org, clauses 4 and 8).
 */
export function versionForBreak(released: string): string {
  const { major, minor } = parse(released);
  return major === 0 ? `0.${minor + 1}.0` : `${major + 1}.0.0`;
}

/** Whether `current` may break what `released` promised. A pre-release of the next version may. */
export function mayBreak(released: string, current: string): boolean {
  const needed = parse(versionForBreak(released));
  const { major, minor } = parse(current);
  return major > needed.major || (major === needed.major && minor >= needed.minor);
}

function parse(version: string): Version {
  const [, major, minor] = /^(\d+)\.(\d+)\.\d+(?:[-+].*)?$/.exec(version) ?? [];
  if (major === undefined || minor === undefined)
    throw new UserError(
      `The version "${version}" of package.json is no semantic version such as 1.4.0: correct it.`,
    );
  return { major: Number(major), minor: Number(minor) };
}
