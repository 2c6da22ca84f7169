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
  {
    to: '/o/$organization/service-accounts',
    label: 'Service accounts',
    icon: 'robot',
    key: 's',
    verb: 'serviceAccounts.list',
  },
  {
    to: '/o/$organization/tokens',
    label: 'Access tokens',
    icon: 'key',
    key: 'k',
    verb: 'personalAccessTokens.list',
  },
  {
    to: '/o/$organization/identity-providers',
    label: 'Identity providers',
    icon: 'door',
    key: 'p',
    verb: 'identityProviders.list',
  },
  { to: '/o/$organization/domains', label: 'Domains', icon: 'globe', key: 'd', verb: 'trustedDomains.list' },
  {
    to: '/o/$organization/workspaces',
    label: 'Workspaces',
    icon: 'stack',
    key: 'f',
    verb: 'workspaces.list',
  },
  { to: '/o/$organization/audit', label: 'Audit log', icon: 'list', key: 'a', verb: 'auditEvents.list' },
  {
    to: '/o/$organization/settings',
    label: 'Settings',
    icon: 'sliders',
    key: 'o',
    verb: 'organizations.get',
  },
] as const satisfies {
  to: string
  label: string
  icon: IconName
  key: string
  verb: OrganizationVerb
}[]
