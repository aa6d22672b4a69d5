/**
 * Turns encrypted values of the configuration into plain ones. Each value belongs to one key of the configuration:
 * under another key it does not decrypt, so nobody can make the service show a password as its name.
 */
export interface SecretProvider {
  /** What follows `enc:` in its values. A format that changes gets another one. */
  readonly scheme: string;
  /**
   * @param key the configuration's key that has the value
   * @param payload what follows `enc:<scheme>:`
   * @throws {SecretError} when it is damaged, of another key, or cannot be decrypted at the moment
   */
  decrypt(key: string, payload: string): Promise<string>;
  /** The payload for `decrypt`. @throws {SecretError} */
  encrypt(key: string, plaintext: string): Promise<string>;
}
