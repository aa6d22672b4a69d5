/** Fields whose values are never written down, by name. */
export const SECRET_FIELDS = ['authorization', 'cookie', 'password', 'token', 'secret'] as const;
