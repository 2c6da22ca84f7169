import { useMutation, useQuery } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { getProviders, type Providers, signIn, signOnAddress } from '@/api/session'
import { Button, ButtonLink } from '@/ui/Button'
import { CopyCommand } from '@/ui/CopyCommand'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'
import css from './login.module.css'
import { returnTo } from './returnTo'

type Props = {
  email?: string
  onSignedIn: () => Promise<unknown> | unknown
  /** Over a page that must stay: whoever signs on elsewhere does so in another tab. */
  isOver?: boolean
}

export function LoginForm({ email = '', onSignedIn, isOver = false }: Props) {
  const providers = useQuery({ queryKey: ['providers'], queryFn: getProviders })
  const attempt = useMutation({
    mutationFn: (form: FormData) => signIn(String(form.get('email')), String(form.get('password'))),
    onSuccess: () => onSignedIn(),
    // A refusal here is no session that ended.
    meta: { isSignIn: true },
  })

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    attempt.mutate(new FormData(event.currentTarget))
  }

  if (providers.error) return <Note kind="bad" error={providers.error} />
  if (!providers.data) return <p className="quiet">Asking how to sign in …</p>
  if (providers.data.setupRequired) return <SetupFirst />
  return (
    <div className={css.ways}>
      <SignOn providers={providers.data} isOver={isOver} onSignedIn={onSignedIn} />
      {providers.data.providers.length > 0 && providers.data.hasPasswords && <p className={css.or}>or</p>}
      {providers.data.hasPasswords && (
        <form className={css.form} onSubmit={submit}>
          <Field
            label="Email"
            name="email"
            type="email"
            autoComplete="username"
            defaultValue={email}
            required
          />
          <Field label="Password" name="password" type="password" autoComplete="current-password" required />
          {attempt.error && <Note kind="bad" error={attempt.error} />}
          <Button kind="primary" type="submit" isBusy={attempt.isPending}>
            Sign in
          </Button>
        </form>
      )}
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

function SignOn({ providers, isOver, onSignedIn }: Omit<Props, 'email'> & { providers: Providers }) {
  const next = isOver ? '/' : returnTo()
  return (
    <>
      {providers.providers.map((provider) => (
        <ButtonLink
          key={provider.name}
          href={signOnAddress(provider.name, next)}
          target={isOver ? '_blank' : undefined}
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
