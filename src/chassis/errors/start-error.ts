/**
 * The surroundings keep the service from starting: a taken port, a server that is away. `message`
 * says what is wrong and what to do about it; the process reports it without a stack.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
