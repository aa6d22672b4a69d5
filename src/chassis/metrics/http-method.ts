/** Stands for every method that HTTP does not define. Source: OpenTelemetry, `http.request.method`. */
const OTHER_METHOD = '_OTHER';
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
  return METHODS.has(method) ? method : OTHER_METHOD;
}
