/**
 * What a program under test gets of the test runner's environment; NODE_OPTIONS and the like would change it.
 * What Node has compiled in this run is not compiled again: a service starts in three quarters of the time.
 */
export const CLEAN_ENVIRONMENT: Readonly<Record<string, string>> = Object.fromEntries(
  ['PATH', 'NODE_COMPILE_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
