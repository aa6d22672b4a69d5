/** Whether traces that begin here, or whose caller did not decide, are recorded. */
export class Sampler {
  #ratio = 1;
  #bound = 0xffffffff;

  constructor(
    ratio: number,
    /** Follow the caller's decision where there is one. */
    public isParentBased: boolean,
  ) {
    this.ratio = ratio;
  }

  /** Share of traces that are recorded, 0 to 1. May be changed at any time; holds from the next trace on. */
  get ratio(): number {
    return this.#ratio;
  }

  set ratio(ratio: number) {
    if (!(ratio >= 0 && ratio <= 1)) throw new RangeError(`A sampling ratio is 0 to 1, not ${ratio}`);
    this.#ratio = ratio;
    this.#bound = Math.floor(ratio * 0xffffffff);
  }

  /**
   * The same trace id gets the same answer everywhere: OpenTelemetry's TraceIdRatioBased, with the
   * arithmetic of its JavaScript SDK.
   */
  isSampled(traceId: string, parentFlags: number | undefined): boolean {
    if (this.isParentBased && parentFlags !== undefined) return (parentFlags & 1) === 1;
    if (this.#ratio === 1) return true;
    if (this.#ratio === 0) return false;
    let accumulated = 0;
    for (let at = 0; at < 32; at += 8) accumulated ^= Number.parseInt(traceId.slice(at, at + 8), 16);
    return accumulated >>> 0 < this.#bound;
  }
}
