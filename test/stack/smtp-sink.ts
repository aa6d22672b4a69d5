import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  SMTPServer,
  type SMTPServerDataStream,
  type SMTPServerEnvelope,
  type SMTPServerOptions,
} from 'smtp-server';
import { eventually } from '../support/index.js';

/** An e-mail as it arrived. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  /** Headers by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parts, decoded; empty where there is none. */
  readonly text: string;
  readonly html: string;
}

export interface SmtpSinkOptions {
  /** Whoever sends has to prove to be this user. @default nobody has to */
  readonly user?: { readonly name: string; readonly password: string };
}

/** A real SMTP server that keeps what it gets. */
export class SmtpSink {
  readonly mails: ReceivedMail[] = [];
  readonly #server: SMTPServer;

  private constructor({ user }: SmtpSinkOptions) {
    this.#server = new SMTPServer({
      ...authenticationOf(user),
      hideSTARTTLS: true,
      onData: (stream, { envelope }, done) => void this.#keep(stream, envelope).finally(done),
    });
    this.#server.on('error', () => undefined); // a client that leaves amid a mail is no fault of ours
  }

  static async start(options: SmtpSinkOptions = {}): Promise<SmtpSink & AsyncDisposable> {
    const sink = new SmtpSink(options);
    await new Promise<void>((resolve) => {
      sink.#server.listen(0, '127.0.0.1', resolve);
    });
    return Object.assign(sink, { [Symbol.asyncDispose]: () => sink.stop() });
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${(this.#server.server.address() as AddressInfo).port}`;
  }

  /** Waits for a mail that fits. */
  async find(what: string, fits: (mail: ReceivedMail) => boolean): Promise<ReceivedMail> {
    const find = (): ReceivedMail | undefined => this.mails.find(fits);
    await eventually(`there is a mail: ${what}`, () => find() !== undefined, 20_000);
    return find() as ReceivedMail;
  }

  async #keep(stream: SMTPServerDataStream, envelope: SMTPServerEnvelope): Promise<void> {
    const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
    const to = envelope.rcptTo.map(({ address }) => address);
    this.mails.push({ from, to, ...parseMail(await text(stream)) });
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(resolve);
    });
  }
}

function authenticationOf(user: SmtpSinkOptions['user']): SMTPServerOptions {
  if (!user) return { authOptional: true };
  return {
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, done) {
      if (username === user.name && password === user.password) done(null, { user: username });
      else done(new Error('wrong user or password'));
    },
  };
}

/** A plain mail, or the text and HTML of a `multipart/alternative` one. */
function parseMail(raw: string): Pick<ReceivedMail, 'subject' | 'headers' | 'text' | 'html'> {
  const { headers, body } = parsePart(raw);
  const boundary = /boundary="?([^";]+)/.exec(headers['content-type'] ?? '')?.[1];
  const pieces = boundary === undefined ? [raw] : body.split(`--${boundary}`).slice(1, -1);
  const parts = pieces.map((piece) => parsePart(piece.trimStart()));
  const find = (type: string): string =>
    parts.find((part) => part.headers['content-type']?.startsWith(type))?.body ?? '';
  return { subject: headers['subject'] ?? '', headers, text: find('text/plain'), html: find('text/html') };
}

function parsePart(raw: string): { readonly headers: Record<string, string>; readonly body: string } {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const lines = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = rest.join('\r\n\r\n');
  const isQuoted = headers['content-transfer-encoding'] === 'quoted-printable';
  return { headers, body: isQuoted ? fromQuotedPrintable(body) : body };
}

function fromQuotedPrintable(encoded: string): string {
  const joined = encoded.replaceAll(/=\r\n/g, '');
  const bytes = joined.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
