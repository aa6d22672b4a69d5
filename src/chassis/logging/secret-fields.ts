/** Fields whose values are never written down, by name. */
export const SECRET_FIELDS = ['password', 'token', 'secret'] as const;
/** Headers of which the same holds. */
export const SECRET_HEADERS = [
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
  'x-api-key',
] as const;
