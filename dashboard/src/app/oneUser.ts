// The tabs of a browser share its session: who signs in in one of them is signed in in all.
const KEY = 'weft.user'

/**
 * Tells the other tabs whom this one shows, and leaves it once another shows somebody else: what
 * one of them left off is not for the other to go on with.
 */
export function showOnly(user: string, leave: () => void): () => void {
  const look = () => {
    const shown = localStorage.getItem(KEY)
    if (shown && shown !== user) leave()
  }
  localStorage.setItem(KEY, user)
  const stop = new AbortController()
  window.addEventListener('storage', look, stop)
  // A tab that slept, or that one comes back to, was told nothing.
  window.addEventListener('pageshow', look, stop)
  document.addEventListener('visibilitychange', look, stop)
  return () => stop.abort()
}
