import type { Call } from './call-observers.js';

/** What means something in a regular expression. */
const SPECIAL = /[.+?^${}()|[\]\\/-]/g;

/** Calls by patterns in which `*` stands for any text. */
export interface CallPatterns {
  /** Route templates such as `/v1/orders/*`. @default none */
  readonly routes?: readonly string[] | undefined;
  /** Of the routes: `POST`, `PUT` …; `GET` means HEAD, too, `HEAD` no other. @default every method */
  readonly methods?: readonly string[] | undefined;
  /** Such as `orders.v1.OrderService/Create*`. @default none */
  readonly rpcs?: readonly string[] | undefined;
}

/**
 * Tells which calls are meant: those of the routes (with the methods) and those of the rpcs; all of both where
 * neither is named. A HEAD runs the handler of the GET, so that patterns of GET mean it, too: nobody goes round a
 * limit by leaving out the body of the answer.
 */
export function matcherOf({ routes, methods, rpcs }: CallPatterns): (call: Call) => boolean {
  const isRoute = matcherOfText(routes);
  const isRpc = matcherOfText(rpcs);
  const known = methods?.includes('GET') ? [...methods, 'HEAD'] : methods;
  const namesNeither = routes === undefined && rpcs === undefined;
  return (call) => {
    if (call.transport === 'grpc') return isRpc(call.rpc) || (namesNeither && methods === undefined);
    const isMethod = known === undefined || known.includes(call.method);
    return isMethod && (namesNeither || isRoute(call.route));
  };
}

/** Tells whether one of the patterns fits a whole text; `*` stands for any text. */
export function matcherOfText(patterns: readonly string[] = []): (text: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const literals = pattern.split('*').map((literal) => literal.replace(SPECIAL, String.raw`\$&`));
    return new RegExp(`^${literals.join('.*')}$`);
  });
  return (text) => expressions.some((expression) => expression.test(text));
}
