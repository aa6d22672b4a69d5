import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { relayLines } from './log-relay.js';

async function relayed(...chunks: readonly string[]): Promise<string[]> {
  const stream = new PassThrough();
  const written: string[] = [];
  relayLines(stream, (lines) => written.push(lines.toString()));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await new Promise((resolve) => stream.once('end', resolve));
  return written;
}

test('hands on whole lines only', async () => {
  expect(await relayed('a\nb\nc', 'd\n', 'e\n')).toEqual(['a\nb\n', 'cd\n', 'e\n']);
});

test('a line of many pieces comes whole', async () => {
  expect(await relayed('a', 'b', 'c\n')).toEqual(['abc\n']);
});

test('the last line of a killed worker is ended', async () => {
  expect(await relayed('a\nhalf')).toEqual(['a\n', 'half\n']);
});
