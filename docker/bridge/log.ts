/** Fields of a line beside `time`, `level` and `msg`. Never a URL of the robot or a header: they hold secrets. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;

/** One JSON object a line, in the form of the service's own log. */
export class Log {
  readonly #output: NodeJS.WritableStream;

  constructor(output: NodeJS.WritableStream) {
    this.#output = output;
  }

  info(msg: string, fields: LogFields): void {
    this.#write('info', msg, fields);
  }

  warn(msg: string, fields: LogFields): void {
    this.#write('warn', msg, fields);
  }

  error(msg: string, fields: LogFields): void {
    this.#write('error', msg, fields);
  }

  #write(level: string, msg: string, fields: LogFields): void {
    const time = new Date().toISOString();
    this.#output.write(`${JSON.stringify({ level, time, service: 'alert-bridge', ...fields, msg })}\n`);
  }
}
