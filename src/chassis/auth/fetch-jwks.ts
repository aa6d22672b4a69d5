const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;

/**
 * The keys of a JWKS as the server has them, within a time and 256 KiB; a redirect is not followed.
 * @throws {Error} whose message says what was wrong with the answer, and shows nothing of it
 */
export async function fetchJwks(url: string, timeoutMs: number): Promise<readonly unknown[]> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    headers: { accept: 'application/jwk-set+json, application/json' },
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the server answered ${response.status}`);
  }
  return parseKeys(await readBody(response));
}

async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    // Leaving the loop cancels the rest.
    if (size > MAX_BYTES) throw new Error(`the answer is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseKeys(text: string): readonly unknown[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new Error('the answer is not JSON', { cause: error });
  }
  const keys = typeof document === 'object' && document !== null && 'keys' in document && document.keys;
  if (!Array.isArray(keys)) throw new Error('the answer has no "keys"');
  if (keys.length > MAX_KEYS) throw new Error(`the answer has more than ${MAX_KEYS} keys`);
  return keys;
}
