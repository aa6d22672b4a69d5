/** The configuration cannot be used; `message` lists every fault by key and source and shows no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
