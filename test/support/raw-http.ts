import { connect } from 'node:net';

export interface RawHttpAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Bytes to a port, and what came back until the server closed or `limitMs` passed. */
export function sendRaw(address: string, bytes: string | Buffer, limitMs = 5000): Promise<RawHttpAnswer> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), host, () => socket.write(bytes));
    const timer = setTimeout(() => socket.destroy(), limitMs);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (isComplete(Buffer.concat(chunks).toString())) socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server may reset a connection that it has answered.
      if (chunks.length === 0 && error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => {
      clearTimeout(timer);
      const [head = '', body = ''] = withoutInterim(Buffer.concat(chunks).toString()).split('\r\n\r\n', 2);
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body });
    });
  });
}

/** `100 Continue` is no answer yet. */
function withoutInterim(text: string): string {
  return text.replace(/^HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n/, '');
}

function isComplete(received: string): boolean {
  const text = withoutInterim(received);
  const end = text.indexOf('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(text)?.[1];
  return end > 0 && length !== undefined && Buffer.byteLength(text.slice(end + 4)) >= Number(length);
}
