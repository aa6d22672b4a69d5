import { hostname } from 'node:os';
import { Logger } from '@nestjs/common';
import type { Config } from '../config/index.js';
import { currentCall, type CallContext } from '../context/index.js';
import { StartError, whyOf } from '../errors/index.js';
import { AnchorLog } from './anchor-log.js';
import { auditDirectory, readAuditKey } from './audit-files.js';
import { auditUnavailable } from './audit-errors.js';
import { AuditWriter, type Outage } from './audit-writer.js';
import { createSeal } from './chain.js';
import { renderEntry, renderNote, type AuditFact, type AuditOrigin } from './entry.js';
import { FileSink } from './file-sink.js';
import { RefusalBudget } from './refusal-budget.js';
import type { AuditSink } from './sink.js';

const NO_COUNTS = { refused: 0, lost: 0 };

/** The service's audit trail: whoever did something is written down here before they learn that it is done. */
export class AuditTrail {
  readonly isEnabled: boolean;
  /** Told of every batch: how many entries, and how many seconds it took. */
  onWritten: (entries: number, seconds: number) => void = () => undefined;
  readonly #origin: AuditOrigin;
  readonly #maxDetailBytes: number;
  readonly #refusals: RefusalBudget;
  readonly #anchors: AnchorLog;
  /** Calls that have reached their audited handler. */
  readonly #entered = new WeakSet<CallContext>();
  /** Actions that have an entry, by call. */
  readonly #recorded = new WeakMap<CallContext, Set<string>>();
  #sink: AuditSink | undefined;
  #writer: AuditWriter | undefined;
  #opened: Promise<void> | undefined;

  constructor(private readonly config: Config) {
    this.isEnabled = config.get('AUDIT_SINK') !== 'none';
    this.#maxDetailBytes = config.get('AUDIT_DETAIL_BYTES');
    this.#origin = {
      service: config.get('SERVICE_NAME'),
      version: config.get('SERVICE_VERSION'),
      instance: `${hostname()}/${process.pid}`,
    };
    this.#refusals = new RefusalBudget(config.get('AUDIT_REFUSALS_PER_SECOND'), (omitted) => {
      void this.#noteOmission(omitted);
    });
    this.#anchors = new AnchorLog(config.get('AUDIT_ANCHOR_INTERVAL_MS'), new Logger('Audit'));
  }

  /** What keeps it from being written, `undefined` when nothing does or nothing was recorded yet. */
  get outage(): Readonly<Outage> | undefined {
    return this.#writer?.outage;
  }

  /** Calls refused and entries lost because it could not be written, and entries that wait. */
  get counts(): { readonly refused: number; readonly lost: number; readonly waiting: number } {
    const { counts = NO_COUNTS, waiting = 0 } = this.#writer ?? {};
    return { ...counts, waiting };
  }

  /** Gives it a sink in place of the files; before anything is recorded. */
  useSink(sink: AuditSink): void {
    this.#sink = sink;
  }

  /** The hash that the chain is made with. */
  createSeal() {
    return createSeal(readAuditKey(this.config.get('AUDIT_KEY_FILE')));
  }

  /** Makes sure that it can be written. @throws {StartError} saying why not and what to do */
  open(): Promise<void> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  /** Finds out whether what was written is still there. */
  async check(): Promise<void> {
    await this.#writer?.check();
  }

  /** Before the work that is to be recorded; see `AuditWriter.admit`. */
  admit(): Promise<void> | undefined {
    if (this.#writer) return this.#writer.admit();
    return this.isEnabled ? this.#openForCall().then((writer) => writer.admit()) : undefined;
  }

  /** Resolves when the fact is durable. @throws {ServiceError} AUDIT_UNAVAILABLE */
  async record(fact: AuditFact, call: CallContext | undefined = currentCall()): Promise<void> {
    if (!this.isEnabled) return;
    const writer = this.#writer ?? (await this.#openForCall());
    if (call && fact.phase !== 'begin') this.#note(call, fact.action);
    await writer.add(renderEntry(this.#origin, fact, call, this.#maxDetailBytes));
  }

  /** The same for a call that was refused before its handler; beyond AUDIT_REFUSALS_PER_SECOND it is only counted. */
  async recordRefusal(fact: AuditFact, call: CallContext): Promise<void> {
    this.enter(call);
    // Nothing was done: the caller gets the refusal, recorded or not.
    if (this.#refusals.spend()) await this.record(fact, call).catch(() => undefined);
  }

  /** The call is at its audited handler: what becomes of it is recorded there. */
  enter(call: CallContext): void {
    this.#entered.add(call);
  }

  hasEntered(call: CallContext): boolean {
    return this.#entered.has(call);
  }

  /** Whether the call has an entry of this action. */
  hasRecorded(call: CallContext, action: string): boolean {
    return this.#recorded.get(call)?.has(action) === true;
  }

  /** Writes what waits and ends the chain with an entry that says so. */
  async close(): Promise<void> {
    this.#refusals.close();
    await this.#writer?.close(renderNote('stop', this.#origin));
    this.#anchors.close();
  }

  #note(call: CallContext, action: string): void {
    const actions = this.#recorded.get(call);
    if (actions) actions.add(action);
    else this.#recorded.set(call, new Set([action]));
  }

  async #openForCall(): Promise<AuditWriter> {
    try {
      await this.open();
      return this.#writer as AuditWriter;
    } catch (error) {
      throw auditUnavailable(error);
    }
  }

  async #open(): Promise<void> {
    const sink = (this.#sink ??= this.#createFileSink());
    const onFailure = this.config.get('AUDIT_ON_FAILURE');
    await sink.open().catch((error: unknown) => {
      // What is to go on without a trail goes on: the first entry begins the outage.
      if (onFailure === 'refuse') throw unusable(error);
    });
    const writer = (this.#writer = this.#createWriter(sink));
    await writer.add(renderNote('start', this.#origin)).catch(() => undefined);
    if (onFailure === 'refuse' && writer.outage) throw unusable(writer.outage.cause);
  }

  #createWriter(sink: AuditSink): AuditWriter {
    return new AuditWriter(sink, {
      onFailure: this.config.get('AUDIT_ON_FAILURE'),
      bufferBytes: this.config.get('AUDIT_BUFFER_BYTES'),
      timeoutMs: this.config.get('AUDIT_TIMEOUT_MS'),
      retryMs: this.config.get('AUDIT_RETRY_MS'),
      onAnchor: (anchor) => this.#anchors.note(anchor),
      onWritten: (entries, seconds) => this.onWritten(entries, seconds),
      describeOutage: (outage) =>
        renderNote('outage', this.#origin, { ...outage, until: new Date().toISOString() }),
    });
  }

  #createFileSink(): FileSink {
    return new FileSink({
      directory: auditDirectory(this.config),
      seal: this.createSeal(),
      origin: this.#origin,
      rotateBytes: this.config.get('AUDIT_ROTATE_BYTES'),
      isSynced: this.config.get('AUDIT_SYNC') === 'always',
      onRotate: (anchor) => this.#anchors.tell(anchor),
    });
  }

  async #noteOmission(refusals: number): Promise<void> {
    // An outage tells of what is lost.
    await this.#writer?.add(renderNote('omission', this.#origin, { refusals })).catch(() => undefined);
  }
}

function unusable(error: unknown): StartError {
  const cause = whyOf(error);
  return new StartError(
    `The audit trail cannot be written: ${cause}. Correct it, set AUDIT_DIR to a folder that this process may ` +
      'write to, set AUDIT_ON_FAILURE=allow to serve without, or AUDIT_SINK=none to record nothing.',
    { cause: error },
  );
}
