import { useQueryClient } from '@tanstack/react-query'
import { Note } from '@/ui/Note'
import { useTitle } from '@/ui/useTitle'
import { LoginForm } from './LoginForm'
import { Logo } from './Logo'
import css from './login.module.css'

// What went wrong on the way here, by single sign-on or by a link.
const UNKNOWN = 'Signing in did not work. Try again.'
const REASONS: Record<string, string> = {
  access_denied: 'Your identity provider did not let you in, or you did not agree.',
  server_error: 'Your identity provider has a problem of its own. Try again in a while.',
  temporarily_unavailable: 'Your identity provider is busy. Try again in a while.',
  SIGN_IN_EXPIRED: 'Signing in took too long. Begin again.',
  INVALID_GRANT: 'This link was used already, or is too old. Ask for another one.',
  LINK_FROM_ELSEWHERE: 'The link was opened from a page of another site. Open it by itself.',
  INVALID_FIELDS:
    'Single sign-on does not lead back to this address: whoever runs the control plane adds it to WEFT_CONTROLPLANE_GATEWAY_URLS.',
  RESOURCE_NOT_FOUND: 'There is no such identity provider any more.',
  RATE_LIMITED: 'Too many tried to sign in from here. Wait a minute.',
  IDENTITY_PROVIDER_UNAVAILABLE: 'Your identity provider cannot be reached. Try again in a while.',
}

export function LoginPage() {
  const queries = useQueryClient()
  const error = new URLSearchParams(location.search).get('error')
  useTitle('Sign in')
  return (
    <main className={css.page}>
      <div className={css.card}>
        <Logo size={36} />
        <h1>Sign in to Weft</h1>
        {error && <Note kind="warn">{REASONS[error] ?? UNKNOWN}</Note>}
        <LoginForm onSignedIn={() => queries.invalidateQueries({ queryKey: ['session'] })} />
      </div>
    </main>
  )
}
