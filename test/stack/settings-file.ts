import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file of CONFIG_FILES that a service watches; JSON is YAML. */
export class SettingsFile {
  readonly #folder = mkdtempSync(join(tmpdir(), 'settings-'));
  readonly #path = join(this.#folder, 'settings.yaml');

  constructor(private readonly good: object) {
    this.write(good);
  }

  /** For the service that watches it. */
  get config(): Readonly<Record<string, string>> {
    return { CONFIG_FILES: this.#path, CONFIG_POLL_INTERVAL_MS: '500' };
  }

  /** Other settings on top of the good ones. */
  change(settings: object): void {
    this.write({ ...this.good, ...settings });
  }

  /** A folder in its place cannot be read. */
  replaceByFolder(): void {
    rmSync(this.#path, { recursive: true });
    mkdirSync(this.#path);
  }

  mend(): void {
    rmSync(this.#path, { recursive: true, force: true });
    this.write(this.good);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  private write(settings: object): void {
    writeFileSync(this.#path, JSON.stringify(settings));
  }
}
