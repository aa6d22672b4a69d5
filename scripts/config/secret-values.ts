import { ConfigSources, secretsConfigShape } from '#chassis/config';
import { readSecret } from './read-secret.ts';
import { fieldOf, serviceOptions } from './service-options.ts';
import { UsageError } from './usage-error.ts';

/** Asks for the value of a key and prints it encrypted. */
export async function encrypt(key: string, scheme: string): Promise<void> {
  const options = await serviceOptions();
  fieldOf(options.shape, key);
  if (key in secretsConfigShape || key === 'APP_ENV')
    throw new UsageError(`${key} is read before anything is decrypted, and cannot be encrypted`);
  const value = await readSecret(`Value of ${key}: `);
  if (value === '') throw new UsageError('The value is empty');
  console.log(await ConfigSources.secretsOf(options).encrypt(key, value, scheme));
}

/** Prints the plain value of a key. */
export async function decrypt(key: string | undefined, given: string | undefined): Promise<void> {
  if (key === undefined) throw new UsageError('KEY is missing');
  const options = await serviceOptions();
  fieldOf(options.shape, key);
  const value = given ?? (await readSecret(`Encrypted value of ${key}: `));
  try {
    console.log(await ConfigSources.secretsOf(options).decrypt(key, value.trim()));
  } catch (error) {
    throw new Error(`${key} ${(error as Error).message}.`, { cause: error });
  }
}
