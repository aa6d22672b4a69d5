import pg from 'pg';

/** Makes every query on `table` wait until `release()`, at the latest until `await using` ends. */
export async function holdTable(url: string, table: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('begin');
  await client.query(`lock table ${pg.escapeIdentifier(table)} in access exclusive mode`);
  let release = async (): Promise<void> => {
    release = async () => undefined;
    await client.end();
  };
  return { release: () => release(), [Symbol.asyncDispose]: () => release() };
}
