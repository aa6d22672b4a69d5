import { isDeepStrictEqual } from 'node:util';
import type { Change } from './change.ts';
import { keyOf, operationsOf, type LocatedOperation, type OpenApi, type SecurityScheme } from './open-api.ts';

/** One way to call: what has to be shown, each with its scopes. */
type Way = readonly { readonly scheme: SecurityScheme; readonly scopes: readonly string[] }[];

/** Operations that no longer let in who could call them: oasdiff has no rule for one credential instead of another. */
export function refusedCallers(base: OpenApi, revision: OpenApi): Change[] {
  const operations = new Map(operationsOf(base).map((operation) => [keyOf(operation), operation]));
  return operationsOf(revision).flatMap((after) => {
    const before = operations.get(keyOf(after));
    if (!before) return [];
    const ways = waysInto(revision, after);
    if (waysInto(base, before).every((old) => ways.some((way) => letsIn(way, old)))) return [];
    const operation = `${after.method.toUpperCase()} ${after.path}`;
    return [{ text: `${operation}: security: refuses callers that it let in`, isBreaking: true }];
  });
}

/** An empty list means everybody, as an empty requirement does. */
function waysInto(document: OpenApi, { security = document.security ?? [] }: LocatedOperation): Way[] {
  const schemes = document.components?.securitySchemes ?? {};
  const ways = security.length > 0 ? security : [{}];
  return ways.map((way) =>
    Object.entries(way).map(([name, scopes]) => ({ scheme: schemes[name] ?? { name }, scopes })),
  );
}

function letsIn(way: Way, old: Way): boolean {
  return way.every(({ scheme, scopes }) =>
    old.some((had) => isSame(scheme, had.scheme) && scopes.every((scope) => had.scopes.includes(scope))),
  );
}

/** What documents it is no part of it for a client. */
function isSame(one: SecurityScheme, other: SecurityScheme): boolean {
  const [{ description: _a, bearerFormat: _b, ...mine }, { description: _c, bearerFormat: _d, ...theirs }] = [
    one,
    other,
  ];
  return isDeepStrictEqual(mine, theirs);
}
