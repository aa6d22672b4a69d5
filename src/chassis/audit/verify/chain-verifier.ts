import { GENESIS, readLink, sealedBytes, type ChainState, type Seal } from '../chain.js';

/** Ways in which a chain can be found broken. */
export type FaultKind = 'changed' | 'removed' | 'reordered' | 'replaced' | 'incomplete' | 'cut-off';

/** What is wrong, and where. */
export interface Fault {
  readonly kind: FaultKind;
  /** File, or the table. */
  readonly place: string;
  /** From 1 on; 0 where no line is at fault. */
  readonly line: number;
  readonly message: string;
}

/** Follows one chain, line by line, and reports each place where it does not hold. */
export class ChainVerifier {
  #end: ChainState | undefined;

  /**
   * @param seals one for each key that the chain may have been made with
   * @param start where the chain goes on, when its first files were taken away on purpose
   */
  constructor(
    private readonly seals: readonly Seal[],
    private readonly report: (fault: Fault) => void,
    start: ChainState | undefined,
    /** Told of each entry's hash. */
    private readonly onHash: (hash: string) => void,
  ) {
    this.#end = start ?? { seq: 0, hash: GENESIS };
  }

  /** Number of the last entry. */
  get seq(): number {
    return this.#end?.seq ?? 0;
  }

  get hash(): string {
    return this.#end?.hash ?? GENESIS;
  }

  /** The next line, without its line break. */
  take(bytes: Buffer, place: string, line: number): void {
    const link = readLink(bytes);
    const report = (kind: FaultKind, message: string) => this.report({ kind, place, line, message });
    if (!link) {
      report('changed', 'is no audit entry');
      // What follows is held against itself again.
      this.#end = undefined;
      return;
    }
    const { seq, previous, hash } = link;
    if (!this.seals.some((seal) => seal(sealedBytes(bytes)) === hash)) {
      report(
        'changed',
        `entry ${seq} does not have the content that its hash was made of, or the key is another`,
      );
    }
    const fault = this.#end && explainGap(this.#end, seq, previous);
    if (fault) report(...fault);
    this.#end = { seq, hash };
    this.onHash(hash);
  }
}

function explainGap(
  end: ChainState,
  seq: number,
  previous: string,
): [kind: FaultKind, message: string] | undefined {
  const expected = end.seq + 1;
  if (seq > expected) {
    const which = seq === expected + 1 ? `entry ${expected} is` : `entries ${expected} to ${seq - 1} are`;
    return ['removed', `${which} missing before entry ${seq}`];
  }
  if (seq < expected) return ['reordered', `entry ${seq} stands after entry ${end.seq}: moved, or inserted`];
  if (previous !== end.hash)
    return ['replaced', `entry ${seq} follows another entry than the one before it here`];
  return undefined;
}
