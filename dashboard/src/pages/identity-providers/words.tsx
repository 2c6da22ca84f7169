import type { IdentityProvider, IdentityProviderKind, JoinPolicy } from '@contract/controlplane'
import { Mark } from '@/ui/Mark'

export const KINDS: Record<IdentityProviderKind, string> = {
  IDENTITY_PROVIDER_KIND_UNSPECIFIED: '',
  IDENTITY_PROVIDER_KIND_OIDC: 'OpenID Connect',
  IDENTITY_PROVIDER_KIND_GITHUB: 'GitHub',
}

export const JOINS: Record<JoinPolicy, string> = {
  JOIN_POLICY_UNSPECIFIED: 'Members only',
  JOIN_POLICY_MEMBERS_ONLY: 'Members only',
  JOIN_POLICY_TRUSTED_DOMAINS: 'Members, and whoever has an address in a verified domain',
  JOIN_POLICY_ANYONE: 'Whoever the provider vouches for',
}

export function ProviderState({ provider: { disabled } }: { provider: IdentityProvider }) {
  if (disabled) return <Mark word="Disabled" icon="square" tone="mute" />
  return <Mark word="Active" icon="check" tone="good" />
}
