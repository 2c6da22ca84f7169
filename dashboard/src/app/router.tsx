// Every address of the dashboard. Pages load when somebody goes there.
import {
  type AnyRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { basePath } from '@/api/client'
import { ErrorPage } from '@/ui/ErrorPage'
import { Home } from './Home'
import { returnTo } from './returnTo'
import { accountPages } from './routes/account'
import { organizationPages } from './routes/organization'
import { projectPages } from './routes/project'
import { root } from './routes/root'
import { workspacePages } from './routes/workspace'
import { texts } from './search'

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

const tree = root.addChildren([
  home,
  login,
  invitation,
  device,
  projectPages,
  workspacePages,
  organizationPages,
  accountPages,
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

/** Fetches the code of the page that is asked for, without showing it. */
export function fetchPage(router: ReturnType<typeof newRouter>) {
  const routes: Record<string, AnyRoute> = router.routesById
  for (const { routeId } of router.matchRoutes(router.latestLocation))
    void routes[routeId]?.options.component?.preload?.()
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>
  }
}
