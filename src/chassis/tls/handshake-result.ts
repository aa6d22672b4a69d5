/** How a handshake ended: the values of the label `result`. */
export type HandshakeResult =
  | 'ok'
  | 'timeout'
  | 'plain_http'
  | 'not_tls'
  | 'protocol_version'
  | 'no_shared_cipher'
  | 'no_shared_alpn'
  | 'certificate_refused_by_client'
  | 'client_certificate_missing'
  | 'client_certificate_untrusted'
  | 'client_certificate_expired'
  | 'client_certificate_not_yet_valid'
  | 'client_certificate_revoked'
  | 'client_certificate_invalid'
  | 'client_gone'
  | 'other';

/** Node's and OpenSSL's codes, the first that fits. */
const BY_CODE: readonly (readonly [RegExp, HandshakeResult])[] = [
  [/^ERR_TLS_HANDSHAKE_TIMEOUT$/, 'timeout'],
  [/^ERR_SSL_(HTTPS_PROXY|HTTP)_REQUEST$/, 'plain_http'],
  [/^ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE$/, 'client_certificate_missing'],
  [/^ERR_SSL_(UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|INAPPROPRIATE_FALLBACK)$/, 'protocol_version'],
  [/^ERR_SSL_(NO_SHARED_CIPHER|NO_SUITABLE_\w+|NO_SHARED_GROUPS?)$/, 'no_shared_cipher'],
  [/^ERR_SSL_(TLSV1_ALERT_)?NO_APPLICATION_PROTOCOL$/, 'no_shared_alpn'],
  [/_ALERT_\w*(CERTIFICATE|UNKNOWN_CA)/, 'certificate_refused_by_client'],
  [/^ERR_SSL_(WRONG_VERSION_NUMBER|BAD_\w+|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE)$/, 'not_tls'],
  [/^(ECONNRESET|EPIPE|ERR_SSL_UNEXPECTED_EOF_WHILE_READING)$/, 'client_gone'],
];

/** Names of OpenSSL's X509_V_ERR_… codes, as Node gives them. */
const BY_VERIFICATION: Readonly<Record<string, HandshakeResult>> = {
  CERT_HAS_EXPIRED: 'client_certificate_expired',
  CERT_NOT_YET_VALID: 'client_certificate_not_yet_valid',
  CERT_REVOKED: 'client_certificate_revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'client_certificate_untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'client_certificate_untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'client_certificate_untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'client_certificate_untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'client_certificate_untrusted',
};

/** Why a handshake did not come to its end. */
export function resultOfFault(code: string | undefined): HandshakeResult {
  return BY_CODE.find(([pattern]) => pattern.test(code ?? ''))?.[1] ?? 'other';
}

/** Why a client certificate was refused. */
export function resultOfVerification(code: string): HandshakeResult {
  return BY_VERIFICATION[code] ?? 'client_certificate_invalid';
}
