const MINUTES: Readonly<Record<string, number>> = { s: 1 / 60, m: 1, h: 60, d: 1440 };
/** Rates over five minutes need some scrapes, one a second. */
const SECONDS_A_MINUTE = 2;
const MAX_SECONDS = 30;

/**
 * Rules whose time runs faster, and which are the same otherwise: in ranges, `for` and `interval` two seconds stand for
 * a minute, and half a minute at most for anything longer. Names such as `…:rate5m` stay.
 */
export function shorten(rules: string): string {
  return rules
    .replaceAll(/\[(\d+)([smhd])\]/g, (_, count: string, unit: string) => `[${toSeconds(count, unit)}s]`)
    .replaceAll(
      /^( *(?:for|interval|\w+_interval): )(\d+)([smhd])$/gm,
      (_, key: string, count: string, unit: string) => `${key}${toSeconds(count, unit)}s`,
    );
}

function toSeconds(count: string, unit: string): number {
  const seconds = Number(count) * (MINUTES[unit] ?? NaN) * SECONDS_A_MINUTE;
  return Math.min(Math.max(Math.round(seconds), 1), MAX_SECONDS);
}
