import { readFileSync } from 'node:fs';
import type { PaceOptions } from './pace.ts';
import type { RobotOptions } from './robot.ts';

/** Names every variable at fault, never a value. */
export class SettingsError extends Error {}

/** What the environment says; secrets are in files that it names. */
export interface Settings {
  /** Unset where `DINGTALK_WEBHOOK_URL_FILE` is. */
  readonly robot: RobotOptions | undefined;
  readonly pace: PaceOptions;
  readonly delivery: { readonly limitMs: number; readonly retryMs: number };
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly token: string;
    readonly atMobiles: readonly string[];
    readonly maxBodyBytes: number;
    readonly requestTimeoutMs: number;
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws SettingsError */
export function loadSettings(env: Environment): Settings {
  const reader = new SettingsReader(env);
  const settings: Settings = {
    robot: reader.isSet('DINGTALK_WEBHOOK_URL_FILE')
      ? {
          url: reader.webAddress('DINGTALK_WEBHOOK_URL_FILE'),
          secret: reader.secret('DINGTALK_SECRET_FILE'),
          timeoutMs: reader.number('DINGTALK_TIMEOUT_MS', 5000),
        }
      : undefined,
    pace: {
      messagesPerMinute: reader.number('DINGTALK_MESSAGES_PER_MINUTE', 20),
      pauseMs: reader.number('DINGTALK_PAUSE_MS', 5000),
    },
    delivery: {
      limitMs: reader.number('BRIDGE_DELIVERY_TIMEOUT_MS', 25_000),
      retryMs: reader.number('BRIDGE_RETRY_MS', 500),
    },
    server: {
      host: env['BRIDGE_HOST'] || '127.0.0.1',
      port: reader.number('BRIDGE_PORT', 8060, 0),
      token: reader.secret('BRIDGE_TOKEN_FILE'),
      atMobiles: reader.mobiles('DINGTALK_AT_MOBILES'),
      maxBodyBytes: reader.number('BRIDGE_MAX_BODY_BYTES', 1_048_576),
      requestTimeoutMs: reader.number('BRIDGE_REQUEST_TIMEOUT_MS', 10_000),
    },
  };
  if (reader.faults.length > 0) throw new SettingsError(reader.faults.join('; '));
  return settings;
}

/** Reads variables one by one and gathers what is wrong with them. */
class SettingsReader {
  readonly faults: string[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  isSet(name: string): boolean {
    return Boolean(this.#env[name]);
  }

  number(name: string, byDefault: number, least = 1): number {
    const text = this.#env[name];
    if (!text) return byDefault;
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
    return this.#fault(name, `has to be a whole number from ${least} on`, byDefault);
  }

  /** The one line of the file that the variable names. */
  secret(name: string): string {
    const path = this.#env[name];
    if (!path) return this.#fault(name, 'is not set: name the file that holds the secret', '');
    const text = readOrUndefined(path)?.trim();
    if (text === undefined) return this.#fault(name, `names ${path}, which cannot be read`, '');
    if (!/^\S+$/.test(text)) return this.#fault(name, `names ${path}, which has to hold one word`, '');
    return text;
  }

  webAddress(name: string): URL {
    const nowhere = new URL('https://unset.invalid');
    const text = this.secret(name);
    if (text === '') return nowhere;
    const url = URL.canParse(text) ? new URL(text) : nowhere;
    const isLocal = url.protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(url.hostname);
    if (url !== nowhere && (url.protocol === 'https:' || isLocal)) return url;
    return this.#fault(name, 'has to hold the https address that DingTalk shows for the robot', nowhere);
  }

  mobiles(name: string): readonly string[] {
    const numbers = (this.#env[name] ?? '').split(',').filter(Boolean);
    if (numbers.every((number) => /^\+?[\d-]{5,20}$/.test(number))) return numbers;
    return this.#fault(name, 'has to be phone numbers with commas between them', []);
  }

  #fault<T>(name: string, what: string, instead: T): T {
    this.faults.push(`${name} ${what}`);
    return instead;
  }
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
