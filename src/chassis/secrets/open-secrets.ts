import { AwsKmsProvider } from './aws-kms.provider.js';
import type { Environment } from './aws-credentials.js';
import { KeyFileProvider } from './key-file.provider.js';
import type { SecretProvider } from './secret-provider.js';
import { Secrets } from './secrets.js';

/** The keys of the configuration that say how the others are decrypted; they are never encrypted themselves. */
export interface SecretSettings {
  readonly CONFIG_KEY_FILE: string;
  readonly CONFIG_KMS_KEY_ID: string;
  readonly CONFIG_KMS_REGION: string;
  readonly CONFIG_KMS_ENDPOINT: string;
  readonly CONFIG_KMS_TIMEOUT_MS: number;
}

/**
 * What the settings ask for; a provider that is not used reads and asks nothing.
 * @param others the service's own providers
 */
export function openSecrets(
  settings: SecretSettings,
  env: Environment,
  others: readonly SecretProvider[] = [],
): Secrets {
  const providers = [...others];
  if (settings.CONFIG_KEY_FILE) providers.push(new KeyFileProvider(settings.CONFIG_KEY_FILE));
  const region = settings.CONFIG_KMS_REGION || env['AWS_REGION'];
  if (region)
    providers.push(
      new AwsKmsProvider({
        keyId: settings.CONFIG_KMS_KEY_ID,
        region,
        endpoint: settings.CONFIG_KMS_ENDPOINT,
        timeoutMs: settings.CONFIG_KMS_TIMEOUT_MS,
        env,
      }),
    );
  return new Secrets(providers);
}
