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
  { to: '/o/$organization/roles', label: 'Roles', icon: 'shield', key: 'r', verb: 'roles.list' },
  { to: '/o/$organization/grants', label: 'Grants', icon: 'key', key: 'h', verb: 'roleBindings.list' },
  { to: '/o/$organization/why', label: 'Who may what', icon: 'question', key: 'w', verb: 'roles.list' },
] as const satisfies {
  to: string
  label: string
  icon: IconName
  key: string
  verb: OrganizationVerb
}[]
