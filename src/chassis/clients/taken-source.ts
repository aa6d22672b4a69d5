import { Readable } from 'node:stream';
import { ignore } from './http-answer.js';

/**
 * From here on the call answers for what it is to send as a stream: a file that cannot be opened while a policy makes it
 * wait must not bring the process down. Other iterables hold nothing before they begin.
 * @returns what closes it, for when nobody will take it any more
 */
export function takeSource(source: unknown): () => void {
  if (!(source instanceof Readable)) return ignore;
  source.on('error', ignore);
  return () => source.destroy();
}
