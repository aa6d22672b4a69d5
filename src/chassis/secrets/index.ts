export { isEncrypted, SecretError } from './encrypted-value.js';
export { generateKeyLine } from './key-file.js';
export { openSecrets, type SecretSettings } from './open-secrets.js';
export type { SecretProvider } from './secret-provider.js';
export { Secrets, type DecryptedValues, type SecretFault } from './secrets.js';
