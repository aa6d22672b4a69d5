import { callRate, type Calls } from './calls.ts';
import { share } from './query.ts';

/** Share of calls without a fault of the service; docs/alerts.md says how to change it. */
export const AVAILABILITY = 0.999;
/** The time over which the objective holds. */
export const WINDOW = '30d';

/** Which part of the faults that the objective allows is left: 1 = none has happened, below 0 = too many have. */
export function budgetLeft(calls: Calls): string {
  const over = (expr: string) => expr.replaceAll('$__rate_interval', WINDOW);
  return `1 - ${share(over(callRate(calls, calls.faults)), over(callRate(calls)))} / (1 - ${AVAILABILITY})`;
}

/** How fast the budget is used: 1 = it lasts for just the window, 14.4 = for two days of thirty. */
export function burnRate(calls: Calls, over: string): string {
  const during = (expr: string) => expr.replaceAll('$__rate_interval', over);
  return `${share(during(callRate(calls, calls.faults)), during(callRate(calls)))} / (1 - ${AVAILABILITY})`;
}
