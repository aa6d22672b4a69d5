import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestCertificate } from './certificates.js';

/** The files of a service with TLS, in a folder of their own. */
export class TlsFiles {
  private constructor(readonly folder: string) {}

  static with(certificate: TestCertificate): TlsFiles {
    const files = new TlsFiles(mkdtempSync(join(tmpdir(), 'tls-files-')));
    files.write(certificate);
    return files;
  }

  /** Configuration that names them. */
  get config(): Record<string, string> {
    return { TLS_CERT_FILE: this.path('tls.crt'), TLS_KEY_FILE: this.path('tls.key') };
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Rewrites both. */
  write({ cert, key }: TestCertificate): void {
    writeFileSync(this.path('tls.crt'), cert);
    writeFileSync(this.path('tls.key'), key);
  }

  /** Puts a file in its place whole, as careful tools do; returns its path. */
  replace(name: string, text: string): string {
    writeFileSync(this.path(`${name}.new`), text);
    renameSync(this.path(`${name}.new`), this.path(name));
    return this.path(name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
