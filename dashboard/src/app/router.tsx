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
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/runs/RunsPage'), 'RunsPage'),
})
const run = createRoute({
  getParentRoute: () => project,
  path: 'runs/$run',
  validateSearch: texts('view', 'step', 'pane', 'log', 'direction'),
  component: lazyRouteComponent(() => import('@/pages/run/RunPage'), 'RunPage'),
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

const tree = root.addChildren([
  home,
  login,
  device,
  project.addChildren([projectHome, runs, run, artifacts, artifact, version]),
  organization.addChildren([organizationHome, members, invitations, teams, team, roles, role, grants, why]),
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
