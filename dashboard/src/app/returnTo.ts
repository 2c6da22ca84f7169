import { basePath } from '@/api/client'

/** A path of this page, whatever an address says: never one of another site. */
export function ownPath(path: string | undefined): string {
  return path && /^\/(?![/\\])/.test(path) ? path : '/'
}

/** Where to go on after signing in: what `/login` was given, or the very page that one wanted. */
export function returnTo(): string {
  const path = location.pathname.slice(basePath().length)
  if (path === '/login') return ownPath(new URLSearchParams(location.search).get('returnTo') ?? undefined)
  // What stands behind its `#` no server is told; the tab keeps it.
  if (path === '/invitation') return path
  return ownPath(path + location.search + location.hash)
}
