import { setFlagsFromString } from 'node:v8';

/** Where V8's own choices do not suit a service; measured in docs/adr/0019-what-v8-is-told.md. */
export const FLAGS = [
  // What calls allocate dies young, but V8 judges by the first small scavenges, which find most of it alive. ADR 11.
  '--no-allocation-site-pretenuring',
  // Later ones find next to nothing: to wake other threads for it costs more than they take over.
  '--no-parallel-scavenge',
  // A call is many small functions of many packages; twice as many of them go into one piece of code.
  '--max-inlined-bytecode-size-cumulative=2000',
  // A function that all routes and methods share meets more shapes of objects than the four that V8 tells apart.
  '--max-valid-polymorphic-map-count=8',
];

/** Tells V8 that it runs a service. Once for a process, before the application is loaded. */
export function tuneEngine(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
