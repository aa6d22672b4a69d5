import pg from 'pg';

const INT8 = 20;
const INT8_ARRAY: number = 1016;

/**
 * PostgreSQL values as JavaScript ones, for both kinds of database: node-postgres' own table, but
 * int8 (also of `count(*)`) is a number where that is exact and a bigint where it is not.
 */
export const typeParsers = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
    if (oid === INT8) return parseInt8;
    if (oid === INT8_ARRAY) return parseInt8Array;
    return pg.types.getTypeParser(oid, format) as (value: string) => unknown;
  },
};

function parseInt8(value: string): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}

function parseInt8Array(value: string): unknown {
  const parse = pg.types.getTypeParser(INT8_ARRAY) as (value: string) => unknown;
  return convert(parse(value));
}

/** Arrays may be nested and hold nulls. */
function convert(parsed: unknown): unknown {
  if (Array.isArray(parsed)) return parsed.map(convert);
  return typeof parsed === 'string' ? parseInt8(parsed) : parsed;
}
