// Every address of the dashboard. Pages load when somebody goes there.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { basePath } from '@/api/client'
import { ErrorPage } from '@/ui/ErrorPage'
import { Home } from './Home'
import { NotFound } from './NotFound'
import { ProjectLayout } from './ProjectLayout'
import { returnTo } from './returnTo'
import { texts } from './search'

const root = createRootRoute({ notFoundComponent: NotFound })

const home = createRoute({ getParentRoute: () => root, path: '/', component: Home })
// Who gets here is signed in: the way in stands before all pages.
const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  beforeLoad: () => {
    throw redirect({ href: returnTo() })
  },
})
// Who signed in on the way to it comes by the router; everybody else is shown it before any sign-in.
const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invitation',
  component: lazyRouteComponent(() => import('@/pages/invitation/InvitationPage'), 'InvitationPage'),
})
const device = createRoute({
  getParentRoute: () => root,
  path: '/device',
  validateSearch: texts('user_code'),
  component: lazyRouteComponent(() => import('@/pages/device/DevicePage'), 'DevicePage'),
})
const project = createRoute({
  getParentRoute: () => root,
  path: '/w/$workspace/p/$project',
  component: ProjectLayout,
})
const projectHome = createRoute({
  getParentRoute: () => project,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/w/$workspace/p/$project/runs', params })
  },
})
const runs = createRoute({
  getParentRoute: () => project,
  path: 'runs',
  validateSearch: texts('q', 'columns'),
  component: lazyRouteComponent(() => import('@/pages/runs/RunsPage'), 'RunsPage'),
})
const run = createRoute({
  getParentRoute: () => project,
  path: 'runs/$run',
  validateSearch: texts('view', 'step', 'pane', 'log', 'direction', 'hide', 'opened', 'span', 'path'),
  component: lazyRouteComponent(() => import('@/pages/run/RunPage'), 'RunPage'),
})
// Beside the runs, not below them: a run may be called "compare".
const compare = createRoute({
  getParentRoute: () => project,
  path: 'compare',
  validateSearch: texts('runs', 'base', 'show', 'view'),
  component: lazyRouteComponent(() => import('@/pages/compare/ComparePage'), 'ComparePage'),
})
const artifacts = createRoute({
  getParentRoute: () => project,
  path: 'artifacts',
  validateSearch: texts('q', 'view'),
  component: lazyRouteComponent(() => import('@/pages/artifacts/ArtifactsPage'), 'ArtifactsPage'),
})
const artifact = createRoute({
  getParentRoute: () => project,
  path: 'artifacts/$artifact',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/artifacts/ArtifactPage'), 'ArtifactPage'),
})
const version = createRoute({
  getParentRoute: () => project,
  path: 'artifacts/$artifact/versions/$version',
  validateSearch: texts('view', 'file', 'as', 'way', 'depth', 'direction'),
  component: lazyRouteComponent(() => import('@/pages/version/VersionPage'), 'VersionPage'),
})
const snapshots = createRoute({
  getParentRoute: () => project,
  path: 'snapshots',
  validateSearch: texts('q', 'view'),
  component: lazyRouteComponent(() => import('@/pages/snapshots/SnapshotsPage'), 'SnapshotsPage'),
})
const snapshot = createRoute({
  getParentRoute: () => project,
  path: 'snapshots/$snapshot',
  validateSearch: texts('as'),
  component: lazyRouteComponent(() => import('@/pages/snapshot/SnapshotPage'), 'SnapshotPage'),
})
const approvals = createRoute({
  getParentRoute: () => project,
  path: 'approvals',
  validateSearch: texts('run'),
  component: lazyRouteComponent(() => import('@/pages/approvals/ApprovalsPage'), 'ApprovalsPage'),
})
const schedules = createRoute({
  getParentRoute: () => project,
  path: 'schedules',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/schedules/SchedulesPage'), 'SchedulesPage'),
})
const schedule = createRoute({
  getParentRoute: () => project,
  path: 'schedules/$schedule',
  component: lazyRouteComponent(() => import('@/pages/schedule/SchedulePage'), 'SchedulePage'),
})

const workspace = createRoute({
  getParentRoute: () => root,
  path: '/w/$workspace',
  component: lazyRouteComponent(() => import('./WorkspaceLayout'), 'WorkspaceLayout'),
})
const workspaceHome = createRoute({
  getParentRoute: () => workspace,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/w/$workspace/stacks', params })
  },
})
const stacks = createRoute({
  getParentRoute: () => workspace,
  path: 'stacks',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/stacks/StacksPage'), 'StacksPage'),
})
const stack = createRoute({
  getParentRoute: () => workspace,
  path: 'stacks/$stack',
  component: lazyRouteComponent(() => import('@/pages/stacks/StackPage'), 'StackPage'),
})
const components = createRoute({
  getParentRoute: () => workspace,
  path: 'components',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/stacks/ComponentsPage'), 'ComponentsPage'),
})
const component = createRoute({
  getParentRoute: () => workspace,
  path: 'components/$component',
  component: lazyRouteComponent(() => import('@/pages/stacks/ComponentPage'), 'ComponentPage'),
})
const flavors = createRoute({
  getParentRoute: () => workspace,
  path: 'flavors',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/stacks/FlavorsPage'), 'FlavorsPage'),
})
const flavor = createRoute({
  getParentRoute: () => workspace,
  path: 'flavors/$flavor',
  component: lazyRouteComponent(() => import('@/pages/stacks/FlavorPage'), 'FlavorPage'),
})
const triggers = createRoute({
  getParentRoute: () => project,
  path: 'triggers',
  validateSearch: texts('view'),
  component: lazyRouteComponent(() => import('@/pages/triggers/TriggersPage'), 'TriggersPage'),
})
const trigger = createRoute({
  getParentRoute: () => project,
  path: 'triggers/$trigger',
  component: lazyRouteComponent(() => import('@/pages/trigger/TriggerPage'), 'TriggerPage'),
})
const webhook = createRoute({
  getParentRoute: () => project,
  path: 'webhooks/$webhook',
  component: lazyRouteComponent(() => import('@/pages/webhook/WebhookPage'), 'WebhookPage'),
})

const connectors = createRoute({
  getParentRoute: () => workspace,
  path: 'connectors',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/connectors/ConnectorsPage'), 'ConnectorsPage'),
})
const connector = createRoute({
  getParentRoute: () => workspace,
  path: 'connectors/$connector',
  component: lazyRouteComponent(() => import('@/pages/connectors/ConnectorPage'), 'ConnectorPage'),
})
const secrets = createRoute({
  getParentRoute: () => workspace,
  path: 'secrets',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/secrets/SecretsPage'), 'SecretsPage'),
})
const secret = createRoute({
  getParentRoute: () => workspace,
  path: 'secrets/$secret',
  component: lazyRouteComponent(() => import('@/pages/secrets/SecretPage'), 'SecretPage'),
})

const health = createRoute({
  getParentRoute: () => workspace,
  path: 'health',
  component: lazyRouteComponent(() => import('@/pages/health/HealthPage'), 'HealthPage'),
})
const models = createRoute({
  getParentRoute: () => project,
  path: 'models',
  validateSearch: texts('q', 'view'),
  component: lazyRouteComponent(() => import('@/pages/models/ModelsPage'), 'ModelsPage'),
})
const model = createRoute({
  getParentRoute: () => project,
  path: 'models/$model',
  validateSearch: texts('q', 'view'),
  component: lazyRouteComponent(() => import('@/pages/models/ModelPage'), 'ModelPage'),
})
const modelVersion = createRoute({
  getParentRoute: () => project,
  path: 'models/$model/versions/$version',
  component: lazyRouteComponent(() => import('@/pages/models/ModelVersionPage'), 'ModelVersionPage'),
})

const organization = createRoute({
  getParentRoute: () => root,
  path: '/o/$organization',
  component: lazyRouteComponent(() => import('./OrganizationLayout'), 'OrganizationLayout'),
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

const account = createRoute({
  getParentRoute: () => root,
  path: '/account',
  component: lazyRouteComponent(() => import('./AccountLayout'), 'AccountLayout'),
})
const accountHome = createRoute({
  getParentRoute: () => account,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/account/profile' })
  },
})
const profile = createRoute({
  getParentRoute: () => account,
  path: 'profile',
  component: lazyRouteComponent(() => import('@/pages/account/ProfilePage'), 'ProfilePage'),
})
const sessions = createRoute({
  getParentRoute: () => account,
  path: 'sessions',
  component: lazyRouteComponent(() => import('@/pages/account/SessionsPage'), 'SessionsPage'),
})
const tokens = createRoute({
  getParentRoute: () => account,
  path: 'tokens',
  component: lazyRouteComponent(() => import('@/pages/account/TokensPage'), 'TokensPage'),
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

const tree = root.addChildren([
  home,
  login,
  invitation,
  device,
  project.addChildren([
    projectHome,
    runs,
    run,
    compare,
    artifacts,
    artifact,
    version,
    models,
    model,
    modelVersion,
    snapshots,
    snapshot,
    approvals,
    schedules,
    schedule,
    triggers,
    trigger,
    webhook,
  ]),
  account.addChildren([accountHome, profile, sessions, tokens]),
  workspace.addChildren([
    workspaceHome,
    stacks,
    stack,
    components,
    component,
    flavors,
    flavor,
    connectors,
    connector,
    secrets,
    secret,
    health,
  ]),
  organization.addChildren([
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
  ]),
])

export function newRouter() {
  return createRouter({
    routeTree: tree,
    basepath: basePath() || '/',
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch: (search) => {
      const query = new URLSearchParams(
        Object.entries(search).flatMap(([k, v]) => (v ? [[k, String(v)]] : [])),
      )
      return query.size > 0 ? `?${query}` : ''
    },
    defaultPreload: 'intent',
    defaultErrorComponent: ({ error, reset }) => <ErrorPage error={error} onRetry={reset} />,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>
  }
}
