import { Logger } from '@nestjs/common';
import type { Config } from '../config/index.js';
import {
  PRIORITIES,
  type Call,
  type CallObserver,
  type GrpcCall,
  type HttpCall,
  type Priority,
} from '../context/index.js';
import type { ServiceError } from '../errors/index.js';
import type { AdmissionRule, ShedReason } from './admission-rule.js';
import { AcceptQueue } from './accept-queue.js';
import { Admission } from './admission.js';
import { CallPriorities } from './call-priorities.js';
import { CpuUsage } from './cpu-usage.js';
import { DeclaredPriorities } from './declared-priorities.js';
import { LoopWatch } from './loop-watch.js';
import { OverloadErrors } from './overload-errors.js';
import { ShedCounts } from './shed-counts.js';
import { ShedLog } from './shed-log.js';

const RANKS: Readonly<Record<Priority, number>> = { critical: 0, default: 1, sheddable: 2 };
/** Reading the CPU's files is the dearest of the signals, in milliseconds. */
const CPU_SAMPLE_MS = 250;

/** What `GET /load-shedding` shows. */
export interface SheddingDescription {
  readonly mode: 'on' | 'observe' | 'off';
  /** Calls are refused at the moment, or would be. */
  readonly isShedding: boolean;
  readonly rule: AdmissionRule;
  readonly signals: {
    /** What the calls ask of the event loop; 1 = all it can do. */
    readonly demand: number;
    /** Longest time that a call had waited when it was seen, in the last tenth of a second, while the loop had no rest. */
    readonly waitMs: number;
    readonly cpu: { readonly ratio: number; readonly cores: number; readonly source: string };
    /** Calls a second, best of the last ten seconds. */
    readonly bestThroughput: number;
    /** `null` while it is not known, as `limit`. */
    readonly lowestLatencyMs: number | null;
  };
  /** Calls that may be under way under overload. */
  readonly limit: number | null;
  readonly inFlight: Readonly<Record<Priority, number>>;
  /** How much of a class may come as far as the rules, 0 to 1. */
  readonly shares: Readonly<Record<Priority, number>>;
  /** Calls that were refused since the start, by class. */
  readonly refused: Readonly<Record<Priority, number>>;
}

/**
 * Refuses calls that the process has no time for, before anything of them is read: both transport edges ask it
 * about every call that they open. Health checks, reflection and the management port do not ask.
 */
export class LoadShedding implements CallObserver {
  /** Another one once it was off. */
  admission: Admission;
  readonly declared = new DeclaredPriorities();
  readonly counts = new ShedCounts();
  cpu = new CpuUsage();
  /** Those of the servers whose calls are judged. */
  readonly accepts = { http: new AcceptQueue(), grpc: new AcceptQueue() };
  readonly #log = new ShedLog(new Logger(LoadShedding.name));
  readonly #watch = new LoopWatch((nowMs, activeMs, idleMs) => this.#turned(nowMs, activeMs, idleMs));
  #priorities: CallPriorities;
  #errors: OverloadErrors;
  #mode: SheddingDescription['mode'];
  #cpuDueAt = 0;
  #isStarted = false;

  constructor(private readonly config: Config) {
    this.#mode = config.get('LOAD_SHEDDING');
    this.admission = new Admission(ruleOf(config));
    this.#priorities = new CallPriorities(config.get('LOAD_SHEDDING_PRIORITIES'));
    this.#errors = new OverloadErrors(config.get('LOAD_SHEDDING_RETRY_AFTER_MS'));
    const keys = ['LOAD_SHEDDING', 'LOAD_SHEDDING_PRIORITIES', 'LOAD_SHEDDING_RETRY_AFTER_MS'] as const;
    config.onChange([...keys, ...RULE_KEYS], () => this.#configure());
  }

  /** Begins to watch the event loop and the CPU, unless shedding is off. */
  start(): void {
    this.#isStarted = true;
    if (this.#mode !== 'off') this.#watch.start();
  }

  stop(): void {
    this.#isStarted = false;
    this.#watch.stop();
  }

  /**
   * A call comes in. @returns what it is refused with
   * @param declared by `@Priority` @param header `x-priority`, of a trusted peer only
   */
  admit(
    call: HttpCall | GrpcCall,
    declared: Priority | undefined,
    header: unknown,
  ): ServiceError | undefined {
    if (this.#mode === 'off') return undefined;
    const priority = this.#priorities.of(call, declared, header);
    call.priority = priority;
    const rank = RANKS[priority];
    const queuedMs = call.isFirst ? this.accepts[call.transport].waitMs : 0;
    const reason = this.admission.judge(rank, call.startedAt, queuedMs);
    if (reason !== undefined) {
      this.#tell(call, priority, rank, reason);
      if (this.#mode === 'on') return this.#errors.next();
    } else this.counts.admitted(rank);
    // A stream may last for days: only its opening is judged.
    if (call.transport === 'grpc' && call.isStream) return undefined;
    call.isInFlight = true;
    this.admission.began(rank, call.startedAt);
    return undefined;
  }

  closed(call: Call): void {
    if (!call.isInFlight || call.priority === undefined) return;
    this.admission.ended(RANKS[call.priority], call.startedAt, call.durationMs);
  }

  describe(): SheddingDescription {
    const { demand, estimate, inFlight, limit, shares, waitMs, isShedding, rule } = this.admission;
    const { ratio, cores, source } = this.cpu;
    return {
      mode: this.#mode,
      isShedding,
      rule,
      signals: {
        demand: demand.loop,
        waitMs,
        cpu: { ratio, cores, source },
        bestThroughput: estimate.bestThroughput,
        lowestLatencyMs: finite(estimate.lowestLatencyMs),
      },
      limit: finite(limit),
      inFlight: byPriority((rank) => inFlight.of(rank)),
      shares: byPriority((rank) => shares.of(rank)),
      refused: byPriority((rank) => this.counts.of(rank, 'refused')),
    };
  }

  #tell(call: Call, priority: Priority, rank: number, reason: ShedReason): void {
    call.shed = reason;
    call.span?.setAttribute('load_shedding.reason', reason).setAttribute('load_shedding.priority', priority);
    this.counts.shed(call.transport, reason, rank, this.#mode === 'on' ? 'refused' : 'observed');
    this.#log.shed(reason, call.startedAt, this.#mode === 'observe');
  }

  #turned(nowMs: number, activeMs: number, idleMs: number): boolean {
    if (nowMs >= this.#cpuDueAt) {
      this.#cpuDueAt = nowMs + CPU_SAMPLE_MS;
      this.admission.measured(this.cpu.sample(nowMs));
      this.#log.look(nowMs);
    }
    this.accepts.http.turned(nowMs, idleMs);
    this.accepts.grpc.turned(nowMs, idleMs);
    this.admission.turned(nowMs, activeMs, idleMs);
    return this.admission.isBusy;
  }

  #configure(): void {
    this.#mode = this.config.get('LOAD_SHEDDING');
    this.admission.rule = ruleOf(this.config);
    this.#priorities = new CallPriorities(this.config.get('LOAD_SHEDDING_PRIORITIES'));
    this.#errors = new OverloadErrors(this.config.get('LOAD_SHEDDING_RETRY_AFTER_MS'));
    if (this.#mode === 'off') this.#forget();
    else if (this.#isStarted) this.#watch.start();
  }

  /** Nobody looks any more: what was seen last says nothing of what comes. Calls under way stay counted. */
  #forget(): void {
    this.#watch.stop();
    this.#log.end();
    this.admission = new Admission(this.admission.rule, this.admission.inFlight);
    this.cpu = new CpuUsage();
  }
}

const RULE_KEYS = [
  'LOAD_SHEDDING_DELAY_MS',
  'LOAD_SHEDDING_CPU_RATIO',
  'LOAD_SHEDDING_MIN_IN_FLIGHT',
] as const;

function ruleOf(config: Config): AdmissionRule {
  return {
    delayMs: config.get('LOAD_SHEDDING_DELAY_MS'),
    cpuRatio: config.get('LOAD_SHEDDING_CPU_RATIO'),
    minInFlight: config.get('LOAD_SHEDDING_MIN_IN_FLIGHT'),
  };
}

function byPriority(value: (rank: number) => number): Record<Priority, number> {
  return Object.fromEntries(PRIORITIES.map((name, rank) => [name, value(rank)])) as Record<Priority, number>;
}

/** JSON has no infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
