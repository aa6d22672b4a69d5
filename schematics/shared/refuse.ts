import { SchematicsException } from '@angular-devkit/schematics';

/**
 * Ends the command with nothing written.
 * @param message what is wrong, where, and what to do
 */
export function refuse(message: string): never {
  throw new SchematicsException(message);
}
