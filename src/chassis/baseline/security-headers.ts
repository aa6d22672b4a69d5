import helmet, { type HelmetOptions } from 'helmet';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config/index.js';

/** Nothing that a service answers is a page, but for the documentation. */
const OPTIONS = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  xFrameOptions: { action: 'deny' },
  strictTransportSecurity: false,
} satisfies HelmetOptions;

/** The security headers of every REST answer, made once: by name, and as the bytes that go out. */
export class SecurityHeaders {
  readonly #plain: ReadonlyMap<string, string>;
  readonly #secure: ReadonlyMap<string, string>;
  /** As lines, each with its end, for a connection without TLS … */
  readonly plainLines: string;
  /** … and for one with it: `strict-transport-security` means nothing elsewhere (RFC 6797, section 7.2). */
  readonly secureLines: string;

  constructor(config: Config) {
    const maxAge = config.get('HSTS_MAX_AGE_S');
    const isEnabled = config.get('SECURITY_HEADERS_ENABLED') === 'true';
    const strictTransportSecurity = maxAge > 0 && { maxAge, includeSubDomains: false };
    this.#plain = isEnabled ? fieldsOf(OPTIONS) : new Map();
    this.#secure = isEnabled ? fieldsOf({ ...OPTIONS, strictTransportSecurity }) : new Map();
    this.plainLines = linesOf(this.#plain);
    this.secureLines = linesOf(this.#secure);
  }

  /** By lower-case name. */
  fields(isSecure: boolean): ReadonlyMap<string, string> {
    return isSecure ? this.#secure : this.#plain;
  }

  /** Without those that the answer has set itself: a handler's word about its own answer counts. */
  linesWithout(isSecure: boolean, own: object): string {
    return linesOf(new Map([...this.fields(isSecure)].filter(([name]) => !(name in own))));
  }
}

/** What helmet would set, by lower-case name. */
function fieldsOf(options: HelmetOptions): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const recorder = {
    setHeader: (name: string, value: string) => fields.set(name.toLowerCase(), value),
    removeHeader: () => {
      // Nothing here says what it is powered by.
    },
  };
  helmet(options)({} as IncomingMessage, recorder as unknown as ServerResponse, (error) => {
    if (error instanceof Error) throw error;
  });
  return fields;
}

function linesOf(fields: ReadonlyMap<string, string>): string {
  return [...fields].map(([name, value]) => `${name}: ${value}\r\n`).join('');
}
