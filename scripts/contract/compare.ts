import { findBaseline, type Baseline } from './baseline.ts';
import type { Change } from './change.ts';
import { readContracts, readContractsAt, type Contracts } from './contracts.ts';
import { grpcChanges } from './grpc-changes.ts';
import { restChanges } from './rest-changes.ts';
import { mayBreak, versionForBreak } from './version-rule.ts';
import { UserError } from './user-error.ts';

export interface Comparison {
  /** `undefined` in a repository without a commit: there was nothing to compare with. */
  readonly baseline?: Baseline;
  readonly rest: readonly Change[];
  readonly grpc: readonly Change[];
  /** Set when something breaks that the version may not break. */
  readonly refusal?: { readonly released: string; readonly current: string; readonly needed: string };
}

const NOTHING: Comparison = { rest: [], grpc: [] };

/**
 * Compares the contracts in the project's folder with those of an earlier commit: `against`, or the last
 * release. Nothing is written.
 * @throws UserError when there is nothing that could be compared though there should be
 */
export async function compareContracts(root: string, against?: string): Promise<Comparison> {
  const current = await readContracts(root);
  const baseline = await findBaseline(root, against);
  if (!baseline) return NOTHING;
  const released = await readBaseline(baseline, root);
  if (!released) return { ...NOTHING, baseline };
  const rest = await restChanges(released.openApi, current.openApi);
  const grpc = await grpcChanges(released.descriptors, current.descriptors, root);
  const comparison = { baseline, rest, grpc };
  const isBroken = [...rest, ...grpc].some(({ isBreaking }) => isBreaking);
  const versions = [released.package.version, current.package.version] as const;
  if (!baseline.isReleased || !isBroken || mayBreak(...versions)) return comparison;
  const needed = versionForBreak(versions[0]);
  return { ...comparison, refusal: { released: versions[0], current: versions[1], needed } };
}

/** Nothing is promised before the first release, so a last commit without contracts is no fault. */
async function readBaseline(baseline: Baseline, root: string): Promise<Contracts | undefined> {
  try {
    return await readContractsAt(baseline, root);
  } catch (error) {
    if (!baseline.isReleased && error instanceof UserError) return undefined;
    throw error;
  }
}
