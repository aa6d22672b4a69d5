import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';

/** What a caller sent for one parameter of a handler, and the pipe that will validate it. */
export class Unvalidated {
  constructor(
    readonly value: unknown,
    private readonly schema: ArgumentMetadata['schema'],
    private readonly pipe: PipeTransform,
  ) {}

  /** The same for another value, such as a request stream with hooks around its messages. */
  with(value: unknown): Unvalidated {
    return new Unvalidated(value, this.schema, this.pipe);
  }

  /** What the schema makes of it. @throws ServiceError VALIDATION_FAILED */
  validate(): unknown {
    const { schema } = this;
    return this.pipe.transform(this.value, schema ? { type: 'custom', schema } : { type: 'custom' });
  }
}

/**
 * Leaves the validation to whoever calls the handler, which stands within the middlewares: so that they see a
 * refusal of the schema as they see any other. Nest runs pipes before what is laid over a handler.
 */
export class DeferringPipe implements PipeTransform {
  constructor(private readonly pipe: PipeTransform) {}

  transform(value: unknown, { schema }: ArgumentMetadata): Unvalidated {
    return new Unvalidated(value, schema, this.pipe);
  }
}

/** The arguments of a handler as its schemas make them, in place. @throws ServiceError VALIDATION_FAILED */
export function validateArguments(args: unknown[]): void {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    if (arg instanceof Unvalidated) args[index] = arg.validate();
  }
}
