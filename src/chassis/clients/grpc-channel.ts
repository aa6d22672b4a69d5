import { credentials, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { ClientCertificates, type ClientTls } from './client-tls.js';
import { FileCredentials } from './file-credentials.js';

const DEFAULT_MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/**
 * A host that has vanished without a word costs calls for 40 s. Servers that keep to gRFC A9 mind only where they say
 * nothing for minutes: their every answer and message allows more. grpc-js asks half as often when one has minded.
 */
const DEFAULT_KEEP_ALIVE_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 10_000;
/** A service that is back, or elsewhere, is found soon; grpc-js alone would wait up to two minutes, and half a minute for DNS. */
const RECONNECT_MS = { first: 100, longest: 5000 };
/** All addresses have their share; grpc-js alone would stay with the first that answers. */
const IN_TURN = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/** How a client's connections are. */
export interface GrpcChannelOptions {
  /** TLS with the system's authorities. @default false */
  readonly isSecure?: boolean;
  /** TLS with authorities and a certificate of its own. @default as isSecure says */
  readonly tls?: ClientTls;
  /**
   * Milliseconds after which a connection with calls on it is asked whether it lives.
   * @default 30000
   */
  readonly keepAliveMs?: number;
  /** Longest message that is taken. @default 4 MiB */
  readonly maxAnswerBytes?: number;
  /**
   * Connections for each address of the target, used in turn: one carries about a hundred calls at a time.
   * @default 1
   */
  readonly connections?: number;
}

/** @throws {StartError} for TLS files that cannot be used */
export function credentialsOf(client: string, { isSecure, tls }: GrpcChannelOptions): ChannelCredentials {
  if (tls) return new FileCredentials(new ClientCertificates(client, tls));
  return isSecure ? credentials.createSsl() : credentials.createInsecure();
}

export function channelOptionsOf(options: GrpcChannelOptions): ChannelOptions {
  return {
    'grpc.keepalive_time_ms': options.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEP_ALIVE_TIMEOUT_MS,
    'grpc.max_receive_message_length': options.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES,
    'grpc.initial_reconnect_backoff_ms': RECONNECT_MS.first,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS.longest,
    'grpc.dns_min_time_between_resolutions_ms': RECONNECT_MS.longest,
    'grpc.service_config': IN_TURN,
    // Policies are the client's own: DNS has no say, and each client of several has its own connection.
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
  };
}
