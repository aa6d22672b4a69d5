/** Something that the user can put right: `message` says what is wrong, where, and what to do. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}
