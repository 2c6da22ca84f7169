import type { IconName } from '@/ui/Icon'
import type { OrganizationVerb } from './organization'

/** What stands in the side bar of an organization, for who holds the verb. `key` after `g` goes there. */
export const ORGANIZATION_NAV = [
  { to: '/o/$organization/members', label: 'Members', icon: 'user', key: 'm', verb: 'members.list' },
  {
    to: '/o/$organization/invitations',
    label: 'Invitations',
    icon: 'mail',
    key: 'i',
    verb: 'invitations.list',
  },
  { to: '/o/$organization/teams', label: 'Teams', icon: 'people', key: 't', verb: 'teams.list' },
] as const satisfies {
  to: string
  label: string
  icon: IconName
  key: string
  verb: OrganizationVerb
}[]
