import { ServiceError } from '../errors/index.js';
import type { Refusal } from './refusal.js';

/** The ways in that are configured. */
export interface Schemes {
  readonly jwt: boolean;
  readonly apiKey: boolean;
  readonly mtls: boolean;
}

/**
 * Turns refusals into errors with the challenge that belongs to them: `www-authenticate` lists every
 * configured scheme and says after Bearer what was wrong with the token.
 * Source: RFC 9110, section 11.6.1; RFC 6750, section 3. `ApiKey` and `ClientCertificate` are names of our own.
 */
export class Challenge {
  readonly #realm: string;
  readonly #others: string;

  constructor(
    service: string,
    private readonly schemes: Schemes,
  ) {
    this.#realm = `realm="${service}"`;
    const others = [
      ...(schemes.apiKey ? [`ApiKey ${this.#realm}, header="x-api-key"`] : []),
      ...(schemes.mtls ? [`ClientCertificate ${this.#realm}`] : []),
    ];
    this.#others = others.join(', ');
  }

  /** The error that the caller gets. */
  errorOf({ options }: Refusal): ServiceError {
    const { bearerError: _, ...error } = options;
    if (options.code === 'UNAVAILABLE') return new ServiceError(error);
    return new ServiceError({ ...error, headers: { 'www-authenticate': this.#textOf(options) } });
  }

  #textOf({ bearerError, message, metadata }: Refusal['options']): string {
    if (!this.schemes.jwt) return this.#others;
    const bearer = [this.#realm];
    if (bearerError) bearer.push(`error="${bearerError}"`, `error_description="${quotable(message)}"`);
    if (bearerError === 'insufficient_scope') bearer.push(`scope="${quotable(metadata?.['scope'] ?? '')}"`);
    const text = `Bearer ${bearer.join(', ')}`;
    return this.#others ? `${text}, ${this.#others}` : text;
  }
}

/** RFC 6750 allows visible ASCII and spaces without quotes and backslashes. */
function quotable(text: string): string {
  return text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "'");
}
