// The pages of who is signed in.
import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { root } from './root'

const account = createRoute({
  getParentRoute: () => root,
  path: '/account',
  component: lazyRouteComponent(() => import('../AccountLayout'), 'AccountLayout'),
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

export const accountPages = account.addChildren([accountHome, profile, sessions, tokens])
