import type { Attributes } from '@opentelemetry/api';
import { redactQuery } from '../config/index.js';
import {
  UNKNOWN_METHOD,
  UNKNOWN_ROUTE,
  UNKNOWN_RPC,
  type Call,
  type GrpcCall,
  type HttpCall,
} from '../context/index.js';
import { encodeAttributes, TextAttribute } from './attribute-encoder.js';
import { ProtobufWriter } from './protobuf-writer.js';
import { SPAN } from './span-fields.js';

/** Route → method → status, and service → method → code. Each is bounded by the program or by HTTP. */
type Patterns = Map<string, Map<string, Map<number | string, Buffer>>>;

const httpPatterns: Patterns = new Map();
const httpsPatterns: Patterns = new Map();
const grpcPatterns: Patterns = new Map();

const URL_PATH = new TextAttribute('url.path');
const URL_QUERY = new TextAttribute('url.query');
const USER_AGENT = new TextAttribute('user_agent.original');
const CLIENT_ADDRESS = new TextAttribute('client.address');
const ENDUSER_ID = new TextAttribute('enduser.id');

/**
 * Appends the name and the attributes of a call's server span. What calls of one route or rpc with the
 * same outcome share is encoded once; only what is the call's own is written here.
 */
export function encodeCall(writer: ProtobufWriter, call: Call): void {
  if (call.transport === 'http') encodeHttp(writer, call);
  else {
    const { service, method, code } = call;
    writer.raw(grpcPatterns.get(service)?.get(method)?.get(code) ?? addGrpcPattern(call));
  }
  if (call.clientIp !== undefined) CLIENT_ADDRESS.encode(writer, SPAN.attributes, call.clientIp);
  if (call.principal !== undefined) ENDUSER_ID.encode(writer, SPAN.attributes, call.principal.id);
}

function encodeHttp(writer: ProtobufWriter, call: HttpCall): void {
  const { route, method, status, target, userAgent, isSecure } = call;
  const patterns = isSecure ? httpsPatterns : httpPatterns;
  writer.raw(patterns.get(route)?.get(method)?.get(status) ?? addHttpPattern(call, patterns));
  const query = target.indexOf('?');
  URL_PATH.encode(writer, SPAN.attributes, query === -1 ? target : target.slice(0, query));
  if (query !== -1) URL_QUERY.encode(writer, SPAN.attributes, redactQuery(target.slice(query + 1)));
  if (userAgent !== undefined) USER_AGENT.encode(writer, SPAN.attributes, userAgent);
}

/** Source: semantic conventions for HTTP spans (stable); "Name" has `HTTP` for a method that nobody knows. */
function addHttpPattern({ route, method, status, isSecure }: HttpCall, patterns: Patterns): Buffer {
  const isRouted = route !== UNKNOWN_ROUTE;
  const verb = method === UNKNOWN_METHOD ? 'HTTP' : method;
  const pattern = encodePattern(isRouted ? `${verb} ${route}` : verb, {
    'http.request.method': method,
    'url.scheme': isSecure ? 'https' : 'http',
    'http.response.status_code': status,
    ...(isRouted && { 'http.route': route }),
  });
  return put(patterns, route, method, status, pattern);
}

/** Source: semantic conventions for gRPC (release candidate). */
function addGrpcPattern({ service, method, code }: GrpcCall): Buffer {
  const isKnown = service !== UNKNOWN_RPC;
  const pattern = encodePattern(isKnown ? `${service}/${method}` : 'grpc', {
    'rpc.system.name': 'grpc',
    'rpc.method': isKnown ? `${service}/${method}` : '_OTHER',
    'rpc.response.status_code': code,
  });
  return put(grpcPatterns, service, method, code, pattern);
}

function encodePattern(name: string, attributes: Attributes): Buffer {
  const writer = new ProtobufWriter(512);
  writer.string(SPAN.name, name);
  encodeAttributes(writer, SPAN.attributes, attributes);
  return writer.take();
}

function put(patterns: Patterns, group: string, method: string, outcome: number | string, pattern: Buffer) {
  const methods = patterns.get(group) ?? new Map<string, Map<number | string, Buffer>>();
  const outcomes = methods.get(method) ?? new Map<number | string, Buffer>();
  patterns.set(group, methods.set(method, outcomes.set(outcome, pattern)));
  return pattern;
}
