import type { CallContext, Principal } from '../context/index.js';
import type { ResolvedRule } from './access-rules.js';
import { POLICY_DENIED, roleMissing, scopeMissing, type Refusal } from './refusal.js';

/** Why `principal` may not make this call; `undefined` when it may. A promise only where a policy gives one. */
export function authorize(
  rule: ResolvedRule,
  principal: Principal,
  call: CallContext,
): Refusal | undefined | Promise<Refusal | undefined> {
  for (const scope of rule.scopes)
    if (!principal.scopes.has(scope))
      return scopeMissing(rule.scopes.filter((s) => !principal.scopes.has(s)));
  for (const roles of rule.roles) if (!hasOne(principal, roles)) return roleMissing(roles);
  return rule.policies.length === 0 ? undefined : askPolicies(rule, principal, call, 0);
}

function hasOne({ roles }: Principal, names: readonly string[]): boolean {
  for (const name of names) if (roles.has(name)) return true;
  return false;
}

function askPolicies(
  rule: ResolvedRule,
  principal: Principal,
  call: CallContext,
  first: number,
): Refusal | undefined | Promise<Refusal | undefined> {
  for (let index = first; index < rule.policies.length; index++) {
    const answer = rule.policies[index]?.allows(principal, call);
    if (answer instanceof Promise)
      return answer.then((allowed: unknown) =>
        allowed === true ? askPolicies(rule, principal, call, index + 1) : POLICY_DENIED,
      );
    // Anything but true, such as a policy that forgot to answer, is a no.
    if (answer !== true) return POLICY_DENIED;
  }
  return undefined;
}
