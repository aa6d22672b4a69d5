import { readFileSync } from 'node:fs';
import { whyOf } from '../errors/primary.js';
import { SecretError } from './encrypted-value.js';
import type { AwsCredentials } from './aws-signature.js';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where ECS answers. Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
const ECS_ORIGIN = 'http://169.254.170.2';

/**
 * The credentials of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else those that ECS or EKS Pod Identity give the
 * container.
 * @throws {SecretError} when there are none
 */
export async function findAwsCredentials(env: Environment, timeoutMs: number): Promise<AwsCredentials> {
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  const sessionToken = env['AWS_SESSION_TOKEN'];
  if (accessKeyId && secretAccessKey)
    return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const url = relative ? `${ECS_ORIGIN}${relative}` : env['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  if (url) return askContainer(url, env, timeoutMs);
  throw new SecretError(
    'needs credentials of AWS, and there are none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the task or pod a role',
  );
}

async function askContainer(url: string, env: Environment, timeoutMs: number): Promise<AwsCredentials> {
  const file = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const token = file ? readToken(file) : env['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
  try {
    const answer = await fetch(url, {
      ...(token && { headers: { authorization: token } }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const { AccessKeyId, SecretAccessKey, Token } = (await answer.json()) as Record<string, string>;
    if (AccessKeyId === undefined || SecretAccessKey === undefined || Token === undefined)
      throw new Error('an answer without keys');
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token };
  } catch (error) {
    throw new SecretError(`needs credentials of AWS, and their endpoint gave none: ${whyOf(error)}`, {
      cause: error,
    });
  }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new SecretError(
      `needs credentials of AWS, and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read (${code}): correct ${file}`,
      { cause: error },
    );
  }
}
