/** Why a plugin is refused, for machines. */
export type PluginReason =
  | 'NOT_ALLOWED'
  | 'OUTSIDE'
  | 'NOT_FOUND'
  | 'TOO_LARGE'
  | 'WRONG_HASH'
  | 'IMPORT_FAILED'
  | 'NO_MIDDLEWARE'
  | 'DUPLICATE_NAME'
  | 'BAD_SETTINGS'
  | 'INIT_FAILED';

/** A plugin that may not or cannot act; the service goes on without it. */
export class PluginFault extends Error {
  override readonly name = 'PluginFault';

  constructor(
    readonly reason: PluginReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
