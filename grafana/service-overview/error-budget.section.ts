import { line, type Section } from '../parts/layout.ts';
import { budgetLeft, burnRate, type Objective } from '../parts/objectives.ts';

/** The service's promises, and how much of what they allow to fail is left; docs/alerts.md says how to change them. */
export function errorBudget(): Section {
  const [rest, grpc] = [
    availability('REST', 'http_server', 'request'),
    availability('gRPC', 'rpc_server', 'call'),
  ];
  const [restTime, grpcTime] = [latency('REST', 'http_server'), latency('gRPC', 'rpc_server')];
  return {
    title: 'Error budget',
    lines: [
      line(6, budgetLeft(rest), burnRate(rest), budgetLeft(grpc), burnRate(grpc)),
      line(6, budgetLeft(restTime), burnRate(restTime), budgetLeft(grpcTime), burnRate(grpcTime)),
    ],
  };
}

/** Calls without a fault of the service. */
function availability(name: 'REST' | 'gRPC', side: string, call: string): Objective {
  const alert = name === 'REST' ? 'Rest' : 'Grpc';
  return {
    name: `${name}: errors`,
    whole: `service:${side}_${call}s:rate5m`,
    faults: `service:${side}_errors:rate5m`,
    ratio: `service:${side}_errors_per_${call}:ratio_rate`,
    promise: 'slo:availability:objective',
    runbooks: [`${alert}ErrorBudgetBurnFast`, `${alert}ErrorBudgetBurnSlow`],
  };
}

/** Answers that do not take too long. */
function latency(name: 'REST' | 'gRPC', side: string): Objective {
  return {
    name: `${name}: slow answers`,
    whole: `service:${side}_answers:rate5m`,
    faults: `service:${side}_slow_answers:rate5m`,
    ratio: `service:${side}_slow_answers_per_answer:ratio_rate`,
    promise: 'slo:latency:objective',
    runbooks: [name === 'REST' ? 'RestLatencyBudgetBurn' : 'GrpcLatencyBudgetBurn'],
  };
}
