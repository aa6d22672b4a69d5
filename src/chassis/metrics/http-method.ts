import { UNKNOWN_METHOD } from '../context/index.js';

const METHODS = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

/** A method as a label: those beyond the standard share one value. */
export function methodLabel(method: string): string {
  return METHODS.has(method) ? method : UNKNOWN_METHOD;
}
