import { useQuery, useQueryClient } from '@tanstack/react-query'
import {
  type ComponentType,
  createContext,
  lazy,
  type ReactNode,
  Suspense,
  useContext,
  useEffect,
  useState,
} from 'react'
import { basePath } from '@/api/client'
import { Code, isCode } from '@/api/errors'
import { getSession, type Session } from '@/api/session'
import { Dialog } from '@/ui/Dialog'
import { ErrorPage } from '@/ui/ErrorPage'
import { LoginForm } from './LoginForm'
import { LoginPage } from './LoginPage'
import { showOnly } from './oneUser'
import { onExpiry } from './queries'

const SessionContext = createContext<Session | null>(null)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (!session) throw new Error('there is no session outside of SessionGate')
  return session
}

// Whoever comes here may have no account to sign in to.
const OPEN: Record<string, ComponentType> = {
  '/invitation': lazy(async () => {
    const { InvitationPage } = await import('@/pages/invitation/InvitationPage')
    return { default: InvitationPage }
  }),
  '/setup': lazy(async () => {
    const { SetupPage } = await import('@/pages/setup/SetupPage')
    return { default: SetupPage }
  }),
}

export function SessionGate({ children }: { children: ReactNode }) {
  const Page = OPEN[location.pathname.slice(basePath().length)]
  if (Page)
    return (
      <Suspense>
        <Page />
      </Suspense>
    )
  return <SignedIn>{children}</SignedIn>
}

/** Shows the page to whoever is signed in, at its own address; the way in to everybody else. */
function SignedIn({ children }: { children: ReactNode }) {
  const session = useQuery({
    queryKey: ['session'],
    queryFn: getSession,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const user = session.data?.user.name
  useEffect(() => (user ? showOnly(user, leave) : undefined), [user])
  if (session.data)
    return (
      <SessionContext value={session.data}>
        {children}
        <SignInAgain session={session.data} />
      </SessionContext>
    )
  if (isCode(session.error, Code.unauthenticated)) return <LoginPage />
  if (session.error) return <ErrorPage error={session.error} onRetry={() => session.refetch()} />
  return null
}

/** Begins anew, as whoever is signed in now. */
function leave() {
  location.assign(document.baseURI)
}

/** Over a page whose session has ended amid something: what was typed into it stays. */
function SignInAgain({ session }: { session: Session }) {
  const [isOpen, setOpen] = useState(false)
  const queries = useQueryClient()
  useEffect(() => onExpiry(() => setOpen(true)), [])

  async function signedIn() {
    const fresh = await getSession()
    // Somebody else must not go on where this one left off.
    if (fresh.user.name !== session.user.name) return leave()
    queries.setQueryData(['session'], fresh)
    setOpen(false)
    window.dispatchEvent(new Event('weft:signed-in'))
    await queries.refetchQueries({ type: 'active', predicate: (query) => query.state.status === 'error' })
  }

  return (
    <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title="Your session has ended">
      <p className="quiet">Sign in again to go on; everything on this page is as you left it.</p>
      <LoginForm email={session.user.email} onSignedIn={signedIn} isOver />
    </Dialog>
  )
}
