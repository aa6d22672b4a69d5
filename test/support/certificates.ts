import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DAY_MS = 86_400_000;

/** A certificate with its key, both PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** Common name. */
  readonly name: string;
  /**
   * Alternative names as OpenSSL writes them.
   * @default `DNS:localhost,IP:127.0.0.1`
   */
  readonly altNames?: string;
  /** @default yesterday */
  readonly from?: Date;
  /** @default in 90 days */
  readonly to?: Date;
}

const CONFIG = `[ca]
default_ca = test
[test]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
`;

/**
 * A certificate authority of OpenSSL's, for tests.
 *
 * @example
 * ```ts
 * const authority = await TestAuthority.create();
 * const { cert, key } = await authority.issue({ name: 'service' });
 * authority.remove();
 * ```
 */
export class TestAuthority {
  #serial = 0;

  private constructor(
    private readonly folder: string,
    /** Its own certificate, PEM. */
    readonly certificate: string,
  ) {}

  static async create(name = 'Test authority'): Promise<TestAuthority> {
    const folder = mkdtempSync(join(tmpdir(), 'test-authority-'));
    writeFileSync(join(folder, 'ca.cnf'), CONFIG);
    writeFileSync(join(folder, 'index.txt'), '');
    const request = ['req', '-x509', '-config', 'ca.cnf', '-extensions', 'authority', '-subj', `/CN=${name}`];
    const files = ['-days', '365', '-keyout', 'ca.key', '-out', 'ca.crt'];
    await run('openssl', [...request, ...NEW_KEY, ...files], { cwd: folder });
    return new TestAuthority(folder, readFileSync(join(folder, 'ca.crt'), 'utf8'));
  }

  /** A certificate for servers and clients alike. */
  async issue({
    name,
    altNames = 'DNS:localhost,IP:127.0.0.1',
    from,
    to,
  }: CertificateRequest): Promise<TestCertificate> {
    const base = `leaf-${++this.#serial}`;
    writeFileSync(join(this.folder, `${base}.ext`), `subjectAltName = ${altNames}\n`);
    const files = ['-keyout', `${base}.key`, '-out', `${base}.csr`];
    await this.#openssl('req', '-config', 'ca.cnf', '-subj', `/CN=${name}`, ...NEW_KEY, ...files);
    const startdate = asn1Time(from ?? new Date(Date.now() - DAY_MS));
    const enddate = asn1Time(to ?? new Date(Date.now() + 90 * DAY_MS));
    const validity = ['-startdate', startdate, '-enddate', enddate];
    const issue = ['-in', `${base}.csr`, '-out', `${base}.crt`, '-extfile', `${base}.ext`, ...validity];
    await this.#openssl('ca', ...AS_AUTHORITY, '-batch', '-notext', ...issue);
    return { cert: this.#read(`${base}.crt`), key: this.#read(`${base}.key`) };
  }

  /** The revocation list once these are on it. */
  async revoke(...certificates: readonly TestCertificate[]): Promise<string> {
    for (const { cert } of certificates) {
      writeFileSync(join(this.folder, 'revoked.crt'), cert);
      await this.#openssl('ca', ...AS_AUTHORITY, '-revoke', 'revoked.crt');
    }
    await this.#openssl('ca', ...AS_AUTHORITY, '-gencrl', '-out', 'list.crl');
    return this.#read('list.crl');
  }

  /** Takes its files away. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }

  async #openssl(...parameters: readonly string[]): Promise<void> {
    await run('openssl', parameters, { cwd: this.folder });
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const AS_AUTHORITY = ['-config', 'ca.cnf', '-cert', 'ca.crt', '-keyfile', 'ca.key'];

/** Such as `20261121203900Z`. */
function asn1Time(date: Date): string {
  return `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}
