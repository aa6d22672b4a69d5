/** One difference between a contract and an earlier one. */
export interface Change {
  /** What changed, as a sentence with its place. */
  readonly text: string;
  /** Whether a client of the earlier contract may fail. */
  readonly isBreaking: boolean;
}
