import type { Principal } from '../context/index.js';
import type { Refusal } from './refusal.js';

/** Who it is, or why nobody can tell. */
export type Verdict = Principal | Refusal;

/** Checks one kind of credential. Answers at once where it can: a known token costs no promise. */
export interface Authenticator<Credential> {
  authenticate(credential: Credential): Verdict | Promise<Verdict>;
}
