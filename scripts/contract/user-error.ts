/** What whoever runs the command can mend: printed as it is, without a stack. */
export class UserError extends Error {}

/** Runs a command. A `UserError` is told and makes the exit code 1; anything else is a fault of ours and stays loud. */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
