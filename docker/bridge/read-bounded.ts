/** A body with more bytes than allowed. */
export class TooLargeError extends Error {}

/** The whole of a body as text. @throws TooLargeError as soon as more than `limitBytes` have come */
export async function readBounded(body: AsyncIterable<Uint8Array>, limitBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limitBytes) throw new TooLargeError(`The body is larger than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
