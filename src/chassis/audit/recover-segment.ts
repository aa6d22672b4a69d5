import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { readLink, type ChainState } from './chain.js';
import { syncDirectory, type Segment } from './segments.js';

/** Longer than any line. */
const WINDOW_BYTES = 512 * 1024;
const LINE_BREAK = 10;

/** What a crash left at the end of a file: part of a line. */
export interface TornEnd {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** File that has these bytes now. */
  readonly keptIn: string;
}

export interface RecoveredSegment {
  /** Where the chain ends; `undefined` when the file has no line. */
  readonly end: ChainState | undefined;
  readonly sizeBytes: number;
  readonly torn: TornEnd | undefined;
}

/**
 * Finds the end of a file that an earlier process has written. Part of a line, without its line break, was
 * never confirmed to anybody: it moves to a file of its own beside this one.
 * @throws {Error} when the last line is no entry: somebody has changed the file
 */
export async function recoverSegment(segment: Segment, directory: string): Promise<RecoveredSegment> {
  const handle = await open(segment.path, 'r+');
  try {
    const { size } = await handle.stat();
    const window = await read(handle, Math.max(0, size - WINDOW_BYTES), size);
    const complete = window.lastIndexOf(LINE_BREAK) + 1;
    const torn = complete < window.length ? window.subarray(complete) : undefined;
    if (complete === 0 && size > WINDOW_BYTES) throw damaged(segment);
    const sizeBytes = size - (torn?.length ?? 0);
    // A damaged file is evidence: nothing is moved out of it.
    const end = sizeBytes === 0 ? undefined : endOf(window.subarray(0, complete - 1), segment);
    const kept = torn && (await setAside(handle, segment, directory, torn, sizeBytes));
    return { end, sizeBytes, torn: kept };
  } finally {
    await handle.close();
  }
}

/** @param lines without their last line break */
function endOf(lines: Buffer, segment: Segment): ChainState {
  const end = readLink(lines.subarray(lines.lastIndexOf(LINE_BREAK) + 1));
  if (!end) throw damaged(segment);
  return { seq: end.seq, hash: end.hash };
}

async function setAside(
  handle: FileHandle,
  { name }: Segment,
  directory: string,
  torn: Buffer,
  sizeBytes: number,
): Promise<TornEnd> {
  const sha256 = createHash('sha256').update(torn).digest('hex');
  const keptIn = `${name}.torn-${sha256.slice(0, 12)}`;
  const aside = await open(`${directory}/${keptIn}`, 'w', 0o600);
  try {
    await aside.writeFile(torn);
    await aside.sync();
  } finally {
    await aside.close();
  }
  await syncDirectory(directory);
  await handle.truncate(sizeBytes);
  await handle.sync();
  return { file: name, bytes: torn.length, sha256, keptIn };
}

async function read(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(to - from);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function damaged({ path }: Segment): Error {
  return new Error(
    `the last line of ${path} is no audit entry: somebody has changed the file. Run "npm run audit:verify", ` +
      'keep the folder as evidence and set AUDIT_DIR to another',
  );
}
