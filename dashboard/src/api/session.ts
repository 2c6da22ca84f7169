// Who is signed in, and how one signs in and out. The browser holds a cookie that scripts cannot read.
import { basePath, send } from './client'

export type SessionWorkspace = { name: string; displayName: string; path: string }
export type Organization = { name: string; displayName: string }
export type Session = {
  user: { name: string; email: string; displayName: string }
  /** Those that the user belongs to, and the one that this tab shows; nobody's where there is none. */
  organizations: Organization[]
  organization: Organization | null
  workspaces: SessionWorkspace[]
  expireTime: string
}
export type Provider = { name: string; displayName: string }
export type Providers = { providers: Provider[]; hasPasswords: boolean; setupRequired: boolean }

const JSON_HEADERS = { 'content-type': 'application/json', 'x-weft-csrf': '1' }
const at = (path: string) => `${basePath()}/auth/${path}`

// Of this tab alone: two tabs may show two organizations.
const ORGANIZATION = 'weft.organization'

export async function getSession(): Promise<Session> {
  const organization = sessionStorage.getItem(ORGANIZATION)
  const query = organization ? `?${new URLSearchParams({ organization })}` : ''
  return (await send(at(`session${query}`), {})).json()
}

/** Shows another organization from the next `getSession` on; the first one where it is empty. */
export function chooseOrganization(name: string): void {
  sessionStorage.setItem(ORGANIZATION, name)
}

/** How people of an organization sign in, by its id; those of the first one where it is empty. */
export async function getProviders(organization: string): Promise<Providers> {
  const query = organization
    ? `?${new URLSearchParams({ organization: `organizations/${organization}` })}`
    : ''
  return (await send(at(`providers${query}`), {})).json()
}

export async function signIn(email: string, password: string): Promise<void> {
  const body = JSON.stringify({ email, password })
  await send(at('session'), { method: 'POST', headers: JSON_HEADERS, body })
}

/** Makes the first administrator by the token of the first start, and signs them in. */
export async function setUp(founding: {
  setupToken: string
  email: string
  displayName: string
  password: string
}): Promise<void> {
  await send(at('setup'), { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(founding) })
}

export async function signOut(everywhere: boolean): Promise<void> {
  const query = everywhere ? '?everywhere=true' : ''
  await send(at(`session${query}`), { method: 'DELETE', headers: JSON_HEADERS })
}

/** A device that asks to sign in as whoever approves it. */
export type Device = {
  userCode: string
  client: string
  address: string
  sameAddress: boolean
  time: string
  expireTime: string
  state: 'PENDING' | 'APPROVED' | 'DENIED' | 'USED'
}

export async function getDevice(userCode: string): Promise<Device> {
  return (await send(at(`device?${new URLSearchParams({ user_code: userCode })}`), {})).json()
}

export async function decideDevice(userCode: string, approve: boolean): Promise<void> {
  const body = JSON.stringify({ userCode, approve })
  await send(at('device'), { method: 'POST', headers: JSON_HEADERS, body })
}

/** Where a browser goes to sign in with a provider, to come back to a path of ours. */
export function signOnAddress(provider: string, returnTo: string): string {
  return at(`sign-on?${new URLSearchParams({ provider, returnTo })}`)
}

/** The id in a name: "default" of "organizations/acme/workspaces/default". */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
