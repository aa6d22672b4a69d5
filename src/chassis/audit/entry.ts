import type { Call, CallContext, JobCall } from '../context/index.js';
import type { Code } from '../errors/index.js';
import { renderDetail } from './detail.js';

const MAX_TEXT = 256;

/** Who changes the service itself, on the management port. */
export interface AuditOperator {
  /** What allowed it: the token, or the loopback address where none is set. */
  readonly by: 'token' | 'loopback' | 'nobody';
  /** The name that came with the request; nobody has proved it. */
  readonly name?: string | undefined;
}

/** How an action ended: `ok`, or the canonical code and the reason of what it failed with. */
export type AuditResult = 'ok' | { readonly code: Code; readonly reason?: string | undefined };

/** One action, as whoever records it tells it; who did it and in which call is added. */
export interface AuditFact {
  /** What was done, such as `orders.cancel`: lower-case words with dots between them. */
  readonly action: string;
  /** What it was done to, such as an order's id; cut after 256 characters. */
  readonly target?: string | undefined;
  /** @default 'ok' */
  readonly result?: AuditResult | undefined;
  /** Further facts. Secrets by name are redacted; beyond AUDIT_DETAIL_BYTES it is left out. */
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
  /** `begin` for an entry that is written before the work, `end` for the one after it. @default none */
  readonly phase?: 'begin' | 'end' | undefined;
  /** For changes of the service itself. @default none */
  readonly operator?: AuditOperator | undefined;
}

/** What every entry of this process says of where it was made. */
export interface AuditOrigin {
  readonly service: string;
  readonly version: string;
  /** The machine's name and the process id, such as `web-7/4123`. */
  readonly instance: string;
}

/** An action as JSON text, for the chain. */
export function renderEntry(
  origin: AuditOrigin,
  fact: AuditFact,
  call: CallContext | undefined,
  maxDetailBytes: number,
): string {
  const { result = 'ok' } = fact;
  const principal = call?.principal;
  const entry = JSON.stringify({
    ...headOf('entry', origin),
    action: cut(fact.action),
    phase: fact.phase,
    principal: principal && {
      id: cut(principal.id),
      scheme: principal.scheme,
      tenant: cut(principal.tenant),
    },
    operator: fact.operator,
    target: cut(fact.target),
    result: result === 'ok' ? result : result.code,
    reason: result === 'ok' ? undefined : result.reason,
    ...(call && placeOf(call as Call | JobCall)),
  });
  if (!fact.detail) return entry;
  return `${entry.slice(0, -1)},"detail":${renderDetail(fact.detail, maxDetailBytes)}}`;
}

/** What the trail says of itself, such as that it was away. */
export function renderNote(
  kind: 'start' | 'stop' | 'segment' | 'repair' | 'outage' | 'omission',
  origin: AuditOrigin,
  facts: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({ ...headOf(kind, origin), ...facts });
}

function headOf(kind: string, { service, version, instance }: AuditOrigin) {
  return { time: new Date().toISOString(), kind, service, version, instance };
}

function placeOf(call: Call | JobCall) {
  return {
    transport: call.transport,
    ...wayOf(call),
    requestId: call.requestId,
    traceId: call.span?.spanContext().traceId,
    clientIp: call.clientIp,
  };
}

function wayOf(call: Call | JobCall) {
  switch (call.transport) {
    case 'http':
      return { method: call.method, route: call.route, path: cut(call.target.split('?', 1)[0]) };
    case 'grpc':
      return { rpc: call.rpc };
    default:
      return { job: call.job };
  }
}

function cut(text: string | undefined): string | undefined {
  return text !== undefined && text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
}
