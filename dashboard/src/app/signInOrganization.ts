// Whose identity providers the way in offers: an organization, by its id; the first one made here where it is empty.
import { basePath } from '@/api/client'
import { chooseOrganization } from '@/api/session'
import { returnTo } from './returnTo'

const KEY = 'weft.signInOrganization'

/** What the address asks for, or leads to; and else where this browser signed in last. */
export function wantedOrganization(): string {
  const asked = new URLSearchParams(location.search).get('organization')
  return asked ?? organizationIn(returnTo()) ?? localStorage.getItem(KEY) ?? ''
}

/** "acme" of "/o/acme/members". */
export function organizationIn(path: string): string | undefined {
  return /^\/o\/([a-z0-9-]+)/.exec(path)?.[1]
}

/** Makes the address of the way in lead to the organization, for whoever reads it again or passes it on. */
export function showInAddress(organization: string): void {
  const address = new URL(location.href)
  if (address.pathname !== `${basePath()}/login`) return
  address.searchParams.set('organization', organization)
  history.replaceState(history.state, '', address)
}

/** Keeps where this browser signs in, for the next time. */
export function rememberOrganization(organization: string): void {
  if (organization) localStorage.setItem(KEY, organization)
  else localStorage.removeItem(KEY)
}

/** Has this tab show the organization once its user is signed in, if it is one of theirs. */
export function enterOrganization(organization: string): void {
  if (organization) chooseOrganization(`organizations/${organization}`)
}
