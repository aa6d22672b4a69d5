import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { sql, type Kysely } from 'kysely';
import type { ChainState, Seal } from '../chain.js';
import { listSegments, parseSegment, type Segment } from '../segments.js';
import { ChainVerifier, type Fault } from './chain-verifier.js';
import { readLines } from './read-lines.js';

/** Faults that are listed; further ones are counted. */
const MAX_FAULTS = 100;
const PAGE_ROWS = 1000;

export interface VerifyOptions {
  /** One for each key that the chain may have been made with. */
  readonly seals: readonly Seal[];
  /** Hashes, from the log's anchors, that the trail must have. @default none */
  readonly expected?: readonly string[];
  /** Last hash of what was archived: chains may go on from there. @default none: chains begin at entry 1 */
  readonly since?: string;
}

export interface VerifyReport {
  readonly isIntact: boolean;
  readonly entries: number;
  readonly chains: readonly (ChainState & { readonly chain: string })[];
  /** The first hundred. */
  readonly faults: readonly Fault[];
  readonly faultCount: number;
}

/** Goes through a trail once, in bounded memory. */
export class TrailVerification {
  readonly #faults: Fault[] = [];
  readonly #chains: (ChainState & { chain: string })[] = [];
  readonly #missing: Set<string>;
  #faultCount = 0;
  #entries = 0;

  constructor(private readonly options: VerifyOptions) {
    this.#missing = new Set(options.expected);
  }

  /** A folder of audit files, or one of them. @throws {Error} when it cannot be read or has none */
  async files(path: string): Promise<void> {
    const isFolder = (await stat(path)).isDirectory();
    const single = parseSegment(dirname(path), basename(path));
    const segments = isFolder ? await listSegments(path) : single ? [single] : [];
    if (segments.length === 0)
      throw new Error(`${path} has no audit files (audit-<chain>-<first entry>.jsonl)`);
    const chains = Map.groupBy(segments, ({ slot }) => slot);
    for (const [slot, files] of chains) await this.#chainOf(`file-${slot}`, files, !isFolder);
  }

  /** The table of AUDIT_SINK=database. */
  async database(query: Kysely<unknown>): Promise<void> {
    const verifier = this.#verifier(undefined);
    for (let after = 0, line = 1; ;) {
      const { rows } = await sql<{ seq: string | number; line: string }>`
        select seq, line from audit_entries where seq > ${after} order by seq limit ${sql.lit(PAGE_ROWS)}`.execute(
        query,
      );
      for (const row of rows) verifier.take(Buffer.from(row.line), 'audit_entries', line++);
      this.#entries += rows.length;
      if (rows.length < PAGE_ROWS) break;
      after = Number(rows.at(-1)?.seq);
    }
    this.#chains.push({ chain: 'database', seq: verifier.seq, hash: verifier.hash });
  }

  report(): VerifyReport {
    for (const hash of this.#missing) {
      const message = `no entry has the expected hash ${hash}: the end of a chain, or a whole one, was taken away`;
      this.#add({ kind: 'cut-off', place: '', line: 0, message });
    }
    this.#missing.clear();
    return {
      isIntact: this.#faultCount === 0,
      entries: this.#entries,
      chains: this.#chains,
      faults: this.#faults,
      faultCount: this.#faultCount,
    };
  }

  async #chainOf(chain: string, files: readonly Segment[], isPart: boolean): Promise<void> {
    const { since } = this.options;
    const first = files[0]?.first ?? 1;
    const goesOn = since !== undefined && first > 1 ? { seq: first - 1, hash: since } : undefined;
    // One file out of its chain can only be held against itself.
    const start = goesOn ?? (isPart && first > 1 ? await beginningOf(files[0] as Segment) : undefined);
    const verifier = this.#verifier(start);
    for (const file of files) await this.#file(file, verifier);
    this.#chains.push({ chain, seq: verifier.seq, hash: verifier.hash });
  }

  async #file({ path }: Segment, verifier: ChainVerifier): Promise<void> {
    let line = 0;
    for await (const { bytes, isComplete } of readLines(path)) {
      line += 1;
      if (isComplete) {
        this.#entries += 1;
        verifier.take(bytes, path, line);
      } else {
        const message = `the file ends amid an entry (${bytes.length} bytes): a crash left it, or it was cut off`;
        this.#add({ kind: 'incomplete', place: path, line, message });
      }
    }
  }

  #verifier(start: ChainState | undefined): ChainVerifier {
    const onHash = (hash: string): void => {
      if (this.#missing.size > 0) this.#missing.delete(hash);
    };
    return new ChainVerifier(this.options.seals, (fault) => this.#add(fault), start, onHash);
  }

  #add(fault: Fault): void {
    this.#faultCount += 1;
    if (this.#faults.length < MAX_FAULTS) this.#faults.push(fault);
  }
}

async function beginningOf({ path, first }: Segment): Promise<ChainState | undefined> {
  for await (const { bytes } of readLines(path)) {
    const previous = /"previous":"([0-9a-f]{64})","hash":"[0-9a-f]{64}"\}$/.exec(
      bytes.toString('latin1'),
    )?.[1];
    return previous === undefined ? undefined : { seq: first - 1, hash: previous };
  }
  return undefined;
}
