import type { ConfiguredRateLimit } from '../config/index.js';
import type { Call } from '../context/index.js';

/** What means something in a regular expression. */
const SPECIAL = /[.+?^${}()|[\]\\/-]/g;

type Matched = Pick<ConfiguredRateLimit, 'routes' | 'methods' | 'rpcs'>;

/**
 * Which calls a configured policy covers: those of its routes (with its methods) and those of its rpcs; all of
 * both where it names neither.
 */
export function matcherOf({ routes, methods, rpcs }: Matched): (call: Call) => boolean {
  const isRoute = anyOf(routes);
  const isRpc = anyOf(rpcs);
  const namesNeither = routes === undefined && rpcs === undefined;
  return (call) => {
    if (call.transport === 'grpc') return isRpc(call.rpc) || (namesNeither && methods === undefined);
    const isMethod = methods === undefined || methods.includes(call.method);
    return isMethod && (namesNeither || isRoute(call.route));
  };
}

function anyOf(patterns: readonly string[] = []): (text: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const literals = pattern.split('*').map((literal) => literal.replace(SPECIAL, String.raw`\$&`));
    return new RegExp(`^${literals.join('.*')}$`);
  });
  return (text) => expressions.some((expression) => expression.test(text));
}
