// The cache of what was read, and what happens when a sign-in ends.
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'
import { ApiError, Code, isCode } from '@/api/errors'

type Listener = () => void
const expiryListeners = new Set<Listener>()

export function onExpiry(listener: Listener): () => void {
  expiryListeners.add(listener)
  return () => expiryListeners.delete(listener)
}

/** Tells the page that the session has ended: it asks to sign in, and keeps all that was typed. */
export function tellExpiry(error: unknown): void {
  if (isCode(error, Code.unauthenticated)) for (const listener of expiryListeners) listener()
}

export function newQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => query.queryKey[0] !== 'session' && tellExpiry(error),
    }),
    mutationCache: new MutationCache({
      onError: (error, _variables, _context, mutation) => !mutation.meta?.isSignIn && tellExpiry(error),
    }),
    defaultOptions: {
      // The feed says what changes while a page is looked at; what was left is read again, as nobody kept it up to date.
      queries: { staleTime: 0, refetchOnWindowFocus: false, retry: isWorthRetrying },
      // What was sent and answered may hold secrets: it is gone with what shows it.
      mutations: { retry: false, gcTime: 0 },
    },
  })
}

function isWorthRetrying(count: number, error: Error): boolean {
  const isPassing = error instanceof ApiError && error.code === Code.unavailable
  return isPassing && count < 3
}
