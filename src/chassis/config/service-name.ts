/** The service's name as a package's has it: `@acme/payments` is the service `payments`. */
export function serviceNameOf(packageName: string): string {
  return packageName.replace(/^@[^/]*\//, '');
}
