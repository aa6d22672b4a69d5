/**
 * What all targets export to, as a process of its own on the load core: an OTLP/HTTP protobuf endpoint
 * that counts spans, and the reading end of every target's standard output that counts log lines.
 * `collector.ts` talks to it.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { createServer } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Counts, Reply, Request } from './collector.ts';

const NEWLINE = 10;
const GC_LINE = /^\[\d+:(0x[0-9a-f]+)\].*? (\d+\.\d+) \(\d+\.\d+\) -> (\d+\.\d+) \(/;
const MIB = 1024 * 1024;

interface Seen {
  spans: number;
  lines: number;
  allocatedBytes: number;
  /** Unfinished line of a target that reports its garbage collections. */
  rest: string;
  readonly heaps: Map<string, number>;
  readonly traceIds: Set<string>;
  readonly loggedTraceIds: Set<string>;
}

const targets = new Map<string, Seen>();
let watched: { readonly hex: string; readonly bytes: Buffer } | undefined;

function seenOf(target: string): Seen {
  let seen = targets.get(target);
  if (!seen) {
    seen = {
      spans: 0,
      lines: 0,
      allocatedBytes: 0,
      rest: '',
      heaps: new Map(),
      traceIds: new Set(),
      loggedTraceIds: new Set(),
    };
    targets.set(target, seen);
  }
  return seen;
}

/** Counts the messages that lie at a path of length-delimited field numbers. */
function countAt(path: readonly number[], bytes: Buffer, begin: number, end: number, depth = 0): number {
  let position = begin;
  let count = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[position++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (position < end) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) varint();
    else if (wire === 1) position += 8;
    else if (wire === 5) position += 4;
    else {
      const length = varint();
      const isOnPath = tag >>> 3 === path[depth];
      if (isOnPath && depth === path.length - 1) count++;
      else if (isOnPath) count += countAt(path, bytes, position, position + length, depth + 1);
      position += length;
    }
  }
  return count;
}

/** ExportTraceServiceRequest.resource_spans[].scope_spans[].spans[] */
const SPANS = [1, 2, 2];
const unzip = promisify(gunzip);

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    void accept(request.url ?? '', Buffer.concat(chunks), request.headers['content-encoding']);
    response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': 0 });
    response.end();
  });
});

async function accept(url: string, body: Buffer, encoding: string | undefined): Promise<void> {
  const [, target = '', signal] = /^\/([^/]+)\/v1\/(\w+)$/.exec(url) ?? [];
  if (signal !== 'traces') return;
  const bytes = encoding === 'gzip' ? await unzip(body) : body;
  const seen = seenOf(target);
  seen.spans += countAt(SPANS, bytes, 0, bytes.length);
  if (watched && bytes.includes(watched.bytes)) seen.traceIds.add(watched.hex);
}

/** Opens a named pipe and counts what its target writes until it ends. */
function follow(target: string, fifo: string, readsGc: boolean): void {
  const seen = seenOf(target);
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  // Held open, so that the pipe does not end before its writer has come.
  const keeper = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  const pipe = new Socket({ fd, readable: true, writable: false });
  pipe.on('data', (chunk: Buffer) => {
    if (readsGc) readLines(seen, chunk.toString('latin1'));
    else for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) seen.lines++;
    if (watched && chunk.includes(watched.hex)) seen.loggedTraceIds.add(watched.hex);
  });
  pipe.on('close', () => closeSync(keeper));
}

/** Adds what each garbage collection of `--trace-gc` shows to have been allocated since the one before. */
function readLines(seen: Seen, text: string): void {
  const lines = (seen.rest + text).split('\n');
  seen.rest = lines.pop() ?? '';
  for (const line of lines) {
    const [, heap, before, after] = GC_LINE.exec(line) ?? [];
    if (heap === undefined) {
      if (line.startsWith('{')) seen.lines++;
      continue;
    }
    seen.allocatedBytes += (Number(before) - (seen.heaps.get(heap) ?? 0)) * MIB;
    seen.heaps.set(heap, Number(after));
  }
}

function countsOf(target: string): Counts {
  const { spans, lines, allocatedBytes, traceIds, loggedTraceIds } = seenOf(target);
  const id = watched?.hex ?? '';
  return { spans, lines, allocatedBytes, hasSpan: traceIds.has(id), hasLine: loggedTraceIds.has(id) };
}

function send(reply: Reply): void {
  process.send?.(reply);
}

process.on('message', (request: Request) => {
  if (request.kind === 'follow') follow(request.target, request.fifo, request.readsGc);
  if (request.kind === 'watch')
    watched = { hex: request.traceId, bytes: Buffer.from(request.traceId, 'hex') };
  send({ id: request.id, counts: request.kind === 'count' ? countsOf(request.target) : undefined });
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => send({ id: 0, port: (server.address() as AddressInfo).port }));
