import type { Principal } from '../context/index.js';

/** Names of claims; a name with dots is a path into a claim where no claim has it literally. */
export interface ClaimNames {
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly tenant: string;
}

type Claims = Readonly<Record<string, unknown>>;

const MAX_ID_LENGTH = 256;

/**
 * Whom a verified token names: `sub`, or `client_id` or `azp` of a token that a service has got for itself.
 * @returns `undefined` when it names nobody
 */
export function toPrincipal(claims: Claims, names: ClaimNames): Principal | undefined {
  const id = claims['sub'] ?? claims['client_id'] ?? claims['azp'];
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID_LENGTH) return undefined;
  const tenant = read(claims, names.tenant);
  return {
    id,
    scheme: 'jwt',
    scopes: wordsOf(claims, names.scopes),
    roles: wordsOf(claims, names.roles),
    tenant: typeof tenant === 'string' && tenant !== '' ? tenant : undefined,
    claims: Object.freeze({ ...claims }),
  };
}

/** Words of a text with spaces, or of an array of texts; anything else has none. */
function wordsOf(claims: Claims, names: readonly string[]): ReadonlySet<string> {
  const values = names.map((name) => read(claims, name));
  const words = values.flatMap((value) => (typeof value === 'string' ? value.split(' ') : value));
  return new Set(words.filter((word) => typeof word === 'string' && word !== '') as string[]);
}

function read(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    return (value as Claims)[key];
  }, claims);
}
