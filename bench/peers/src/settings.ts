/** What the benchmark tells each peer. */
export const port = Number(process.env['PORT'] ?? 3000);
export const grpcPort = Number(process.env['GRPC_PORT'] ?? 50_051);
export const host = '127.0.0.1';
/** PEM of the key that signed the callers' ES256 tokens. */
export const jwtPublicKey = Buffer.from(process.env['JWT_PUBLIC_KEY'] ?? '', 'base64').toString();
