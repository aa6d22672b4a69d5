import {
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Threshold,
} from '@grafana/grafana-foundation-sdk/dashboard';

/** Values at which something wants a look, and at which it is bad. */
export interface Thresholds {
  /** @default there is nothing between good and bad */
  readonly warning?: number;
  readonly bad: number;
  /** Values below the thresholds are the bad ones. @default false, those above are */
  readonly isMoreBetter?: boolean;
}

/** As Grafana has them: each colour with the value from which on it holds. */
export function toThresholds(thresholds?: Thresholds): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(toSteps(thresholds));
}

function toSteps(thresholds?: Thresholds): Threshold[] {
  if (!thresholds) return [{ value: null, color: 'green' }];
  const { warning, bad, isMoreBetter = false } = thresholds;
  if (isMoreBetter) {
    const between = warning === undefined ? [] : [{ value: bad, color: 'orange' }];
    return [{ value: null, color: 'red' }, ...between, { value: warning ?? bad, color: 'green' }];
  }
  const between = warning === undefined ? [] : [{ value: warning, color: 'orange' }];
  return [{ value: null, color: 'green' }, ...between, { value: bad, color: 'red' }];
}
