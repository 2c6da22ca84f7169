// The pages of a workspace that belong to no project.
import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { texts } from '../search'
import { root } from './root'

const workspace = createRoute({
  getParentRoute: () => root,
  path: '/w/$workspace',
  component: lazyRouteComponent(() => import('../WorkspaceLayout'), 'WorkspaceLayout'),
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

export const workspacePages = workspace.addChildren([
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
])
