// The pages of an organization.
import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { texts } from '../search'
import { root } from './root'

const organization = createRoute({
  getParentRoute: () => root,
  path: '/o/$organization',
  component: lazyRouteComponent(() => import('../OrganizationLayout'), 'OrganizationLayout'),
})
const organizationHome = createRoute({
  getParentRoute: () => organization,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/o/$organization/members', params })
  },
})
const members = createRoute({
  getParentRoute: () => organization,
  path: 'members',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/members/MembersPage'), 'MembersPage'),
})
const invitations = createRoute({
  getParentRoute: () => organization,
  path: 'invitations',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/invitations/InvitationsPage'), 'InvitationsPage'),
})
const teams = createRoute({
  getParentRoute: () => organization,
  path: 'teams',
  component: lazyRouteComponent(() => import('@/pages/teams/TeamsPage'), 'TeamsPage'),
})
const team = createRoute({
  getParentRoute: () => organization,
  path: 'teams/$team',
  component: lazyRouteComponent(() => import('@/pages/teams/TeamPage'), 'TeamPage'),
})
const roles = createRoute({
  getParentRoute: () => organization,
  path: 'roles',
  component: lazyRouteComponent(() => import('@/pages/roles/RolesPage'), 'RolesPage'),
})
const role = createRoute({
  getParentRoute: () => organization,
  path: 'roles/$role',
  component: lazyRouteComponent(() => import('@/pages/roles/RolePage'), 'RolePage'),
})
const grants = createRoute({
  getParentRoute: () => organization,
  path: 'grants',
  component: lazyRouteComponent(() => import('@/pages/grants/GrantsPage'), 'GrantsPage'),
})
const why = createRoute({
  getParentRoute: () => organization,
  path: 'why',
  validateSearch: texts('who', 'where', 'what'),
  component: lazyRouteComponent(() => import('@/pages/why/WhyPage'), 'WhyPage'),
})
const audit = createRoute({
  getParentRoute: () => organization,
  path: 'audit',
  validateSearch: texts('who', 'what', 'on', 'outcome', 'where', 'when', 'from', 'until'),
  component: lazyRouteComponent(() => import('@/pages/audit/AuditPage'), 'AuditPage'),
})
const auditEvent = createRoute({
  getParentRoute: () => organization,
  path: 'audit/$event',
  component: lazyRouteComponent(() => import('@/pages/audit/EventPage'), 'EventPage'),
})
const serviceAccounts = createRoute({
  getParentRoute: () => organization,
  path: 'service-accounts',
  component: lazyRouteComponent(
    () => import('@/pages/service-accounts/ServiceAccountsPage'),
    'ServiceAccountsPage',
  ),
})
const serviceAccount = createRoute({
  getParentRoute: () => organization,
  path: 'service-accounts/$account',
  validateSearch: texts('view'),
  component: lazyRouteComponent(() => import('@/pages/service-accounts/AccountPage'), 'AccountPage'),
})
const memberTokens = createRoute({
  getParentRoute: () => organization,
  path: 'tokens',
  component: lazyRouteComponent(() => import('@/pages/member-tokens/MemberTokensPage'), 'MemberTokensPage'),
})
const identityProviders = createRoute({
  getParentRoute: () => organization,
  path: 'identity-providers',
  component: lazyRouteComponent(() => import('@/pages/identity-providers/ProvidersPage'), 'ProvidersPage'),
})
const identityProvider = createRoute({
  getParentRoute: () => organization,
  path: 'identity-providers/$provider',
  component: lazyRouteComponent(() => import('@/pages/identity-providers/ProviderPage'), 'ProviderPage'),
})
const domains = createRoute({
  getParentRoute: () => organization,
  path: 'domains',
  component: lazyRouteComponent(() => import('@/pages/domains/DomainsPage'), 'DomainsPage'),
})
const workspaces = createRoute({
  getParentRoute: () => organization,
  path: 'workspaces',
  component: lazyRouteComponent(() => import('@/pages/workspaces/WorkspacesPage'), 'WorkspacesPage'),
})
const settings = createRoute({
  getParentRoute: () => organization,
  path: 'settings',
  component: lazyRouteComponent(() => import('@/pages/settings/SettingsPage'), 'SettingsPage'),
})

export const organizationPages = organization.addChildren([
  organizationHome,
  members,
  invitations,
  teams,
  team,
  roles,
  role,
  grants,
  why,
  audit,
  auditEvent,
  serviceAccounts,
  serviceAccount,
  memberTokens,
  identityProviders,
  identityProvider,
  domains,
  workspaces,
  settings,
])
