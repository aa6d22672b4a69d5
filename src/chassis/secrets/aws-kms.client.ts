import { setTimeout as sleep } from 'node:timers/promises';
import { whyOf } from '../errors/primary.js';
import { findAwsCredentials, type Environment } from './aws-credentials.js';
import { signRequest } from './aws-signature.js';
import { SecretError } from './encrypted-value.js';

export interface AwsKmsOptions {
  /** Key id, ARN or alias, for encrypting. */
  readonly keyId: string;
  readonly region: string;
  /** Its origin. @default that of AWS in the region */
  readonly endpoint?: string;
  /** For one request, in milliseconds. */
  readonly timeoutMs: number;
  readonly env: Environment;
}

const ATTEMPTS = 4;
const BACKOFF_MS = 50;
/** Another attempt may succeed. Source: https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html */
const TRANSIENT =
  /^(ThrottlingException|LimitExceededException|RequestLimitExceeded|ServiceUnavailable|KMSInternalException|InternalFailure|DependencyTimeoutException|KeyUnavailableException)/;

class AwsKmsFault extends Error {
  constructor(
    message: string,
    readonly isTransient: boolean,
  ) {
    super(message);
  }
}

/**
 * AWS KMS over its JSON protocol: a POST with `x-amz-target`, signed.
 * Source: https://docs.aws.amazon.com/kms/latest/APIReference/Welcome.html
 */
export class AwsKmsClient {
  readonly #url: URL;

  constructor(private readonly options: AwsKmsOptions) {
    this.#url = new URL(options.endpoint || `https://kms.${options.region}.amazonaws.com`);
  }

  /** The answer of `Encrypt` or `Decrypt`; throttling, faults of the server and time limits are tried again. @throws {SecretError} */
  async call(action: 'Encrypt' | 'Decrypt', input: object): Promise<Record<string, unknown>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send(action, JSON.stringify(input));
      } catch (error) {
        if (error instanceof SecretError) throw error;
        const isTransient = !(error instanceof AwsKmsFault) || error.isTransient;
        if (!isTransient || attempt === ATTEMPTS)
          throw new SecretError(
            `could not be used with AWS KMS: ${whyOf(error)} (${attempt} of ${ATTEMPTS} attempts)`,
            { cause: error },
          );
        // Full jitter. Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        await sleep(Math.random() * BACKOFF_MS * 2 ** attempt);
      }
    }
  }

  async #send(action: string, body: string): Promise<Record<string, unknown>> {
    const { env, region, timeoutMs } = this.options;
    const credentials = await findAwsCredentials(env, timeoutMs);
    const headers = {
      host: this.#url.host,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `TrentService.${action}`,
    };
    const request = { path: this.#url.pathname, headers, body };
    const scope = { region, service: 'kms', time: new Date() };
    const answer = await fetch(this.#url, {
      method: 'POST',
      headers: signRequest(request, credentials, scope),
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const output = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    if (answer.ok) return output;
    const type = typeof output['__type'] === 'string' ? (output['__type'].split('#').at(-1) ?? '') : '';
    const isTransient = answer.status >= 500 || answer.status === 429 || TRANSIENT.test(type);
    throw new AwsKmsFault(`${type || 'no reason given'}, status ${answer.status}`, isTransient);
  }
}
