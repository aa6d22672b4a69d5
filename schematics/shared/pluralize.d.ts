declare module 'pluralize' {
  /** English rules and exceptions; a word that is what is asked for stays. */
  const pluralize: { plural(word: string): string; singular(word: string): string };
  export default pluralize;
}
