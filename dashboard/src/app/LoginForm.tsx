import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { getProviders, type Providers, signIn, signOnAddress } from '@/api/session'
import { Button, ButtonLink } from '@/ui/Button'
import { CopyCommand } from '@/ui/CopyCommand'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'
import css from './login.module.css'
import { OtherOrganization } from './OtherOrganization'
import { returnTo } from './returnTo'
import {
  enterOrganization,
  rememberOrganization,
  showInAddress,
  wantedOrganization,
} from './signInOrganization'

type Props = {
  email?: string
  /** The id of the organization whose providers are offered; by default what the address says. */
  organization?: string
  onSignedIn: () => Promise<unknown> | unknown
  /** Over a page that must stay: whoever signs on elsewhere does so in another tab. */
  isOver?: boolean
}

export function LoginForm({ email = '', organization, onSignedIn, isOver = false }: Props) {
  const [wanted, setWanted] = useState(() => organization ?? wantedOrganization())
  const providers = useQuery({ queryKey: ['providers', wanted], queryFn: () => getProviders(wanted) })

  function choose(another: string) {
    if (another === wanted) void providers.refetch()
    setWanted(another)
    showInAddress(another)
  }

  /** Before anybody leaves for a provider, and after a password. */
  function keep() {
    rememberOrganization(wanted)
    if (!isOver) enterOrganization(wanted)
  }

  if (providers.data?.setupRequired) return <SetupFirst />
  return (
    <div className={css.ways}>
      {wanted && (
        <p className={css.to} role="status">
          Organization: <strong>{wanted}</strong>
        </p>
      )}
      {providers.error && <Note kind="bad" error={providers.error} />}
      {providers.isPending && <p className="quiet">Asking how to sign in …</p>}
      {providers.data && (
        <Ways
          {...{ email, isOver, onSignedIn, keep }}
          providers={providers.data}
          isUnknown={wanted !== '' && providers.data.providers.length === 0}
        />
      )}
      <OtherOrganization onChosen={choose} />
    </div>
  )
}

function SetupFirst() {
  return (
    <div className={css.ways}>
      <Note kind="info">
        Nobody has an account here yet. Where the control plane runs, this prints the link with which the
        first administrator comes in:
      </Note>
      <CopyCommand command="weft admin bootstrap-url" />
    </div>
  )
}

type WaysProps = Required<Omit<Props, 'organization'>> & { providers: Providers; keep: () => void }

function Ways({ providers, isUnknown, ...props }: WaysProps & { isUnknown: boolean }) {
  return (
    <>
      {isUnknown && (
        <Note kind="info">
          No identity provider is known of this organization. Sign in with a password, or check its id.
        </Note>
      )}
      <SignOn providers={providers} {...props} />
      {providers.providers.length > 0 && providers.hasPasswords && <p className={css.or}>or</p>}
      {providers.hasPasswords && <ByPassword {...props} />}
    </>
  )
}

function ByPassword({ email, onSignedIn, keep }: Omit<WaysProps, 'providers'>) {
  const attempt = useMutation({
    mutationFn: (form: FormData) => signIn(String(form.get('email')), String(form.get('password'))),
    onSuccess: () => {
      keep()
      return onSignedIn()
    },
    // A refusal here is no session that ended.
    meta: { isSignIn: true },
  })

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    attempt.mutate(new FormData(event.currentTarget))
  }

  return (
    <form className={css.form} onSubmit={submit}>
      <Field label="Email" name="email" type="email" autoComplete="username" defaultValue={email} required />
      <Field label="Password" name="password" type="password" autoComplete="current-password" required />
      {attempt.error && <Note kind="bad" error={attempt.error} />}
      <Button kind="primary" type="submit" isBusy={attempt.isPending}>
        Sign in
      </Button>
    </form>
  )
}

function SignOn({ providers, isOver, onSignedIn, keep }: Omit<WaysProps, 'email'>) {
  const next = isOver ? '/' : returnTo()
  return (
    <>
      {providers.providers.map((provider) => (
        <ButtonLink
          key={provider.name}
          href={signOnAddress(provider.name, next)}
          target={isOver ? '_blank' : undefined}
          onClick={keep}
        >
          Continue with {provider.displayName}
        </ButtonLink>
      ))}
      {isOver && providers.providers.length > 0 && (
        <Button onClick={() => onSignedIn()}>I have signed in in the other tab</Button>
      )}
    </>
  )
}
