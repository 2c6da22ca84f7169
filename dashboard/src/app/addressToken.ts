// Tokens behind the `#` of an address, which browsers send to no server.

const key = () => `weft.token:${location.pathname}`

/**
 * The token of this page's address. This tab keeps it: whoever signs on at a provider comes back
 * to the address without it.
 */
export function tokenOfAddress(): string {
  const token = location.hash.slice(1)
  if (token) sessionStorage.setItem(key(), token)
  return token || (sessionStorage.getItem(key()) ?? '')
}

/** Forgets it, once it has done what it was for. */
export function forgetToken(): void {
  sessionStorage.removeItem(key())
}
