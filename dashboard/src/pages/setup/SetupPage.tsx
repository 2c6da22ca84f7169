import { useMutation } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { basePath } from '@/api/client'
import { ApiError } from '@/api/errors'
import { setUp } from '@/api/session'
import { forgetToken, tokenOfAddress } from '@/app/addressToken'
import { Logo } from '@/app/Logo'
import css from '@/app/login.module.css'
import { Button, ButtonLink } from '@/ui/Button'
import { CopyCommand } from '@/ui/CopyCommand'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'
import { useTitle } from '@/ui/useTitle'

/** Where the first administrator comes in, by the link of the first start. */
export function SetupPage() {
  const token = tokenOfAddress().replace(/^token=/, '')
  useTitle('Set up')
  return (
    <main className={css.page}>
      <div className={css.card}>
        <Logo size={36} />
        <h1>Welcome to Weft</h1>
        <div className={css.ways}>{token ? <Founding token={token} /> : <NoToken />}</div>
      </div>
    </main>
  )
}

function NoToken() {
  return (
    <>
      <Note kind="bad">The link is cut short: ask for all of it, where the control plane runs.</Note>
      <CopyCommand command="weft admin bootstrap-url" />
    </>
  )
}

function Founding({ token }: { token: string }) {
  const found = useMutation({
    mutationFn: (form: FormData) =>
      setUp({
        setupToken: token,
        email: String(form.get('email')),
        displayName: String(form.get('name')).trim(),
        password: String(form.get('password')),
      }),
    onSuccess: () => {
      forgetToken()
      location.replace(`${basePath()}/`)
    },
    // Whoever is refused here has no session that ended.
    meta: { isSignIn: true },
  })

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    found.mutate(new FormData(event.currentTarget))
  }

  return (
    <>
      <p className="quiet">Nobody is here yet: you become the first administrator.</p>
      <form className={css.form} onSubmit={submit}>
        <Field label="Email" name="email" type="email" maxLength={254} autoComplete="username" required />
        <Field label="Your name" name="name" maxLength={128} autoComplete="name" />
        <Field
          label="Password"
          name="password"
          type="password"
          minLength={12}
          maxLength={1024}
          autoComplete="new-password"
          hint="At least 12 characters."
          required
        />
        {found.error && <Note kind="bad" error={found.error} />}
        {isDone(found.error) && <ButtonLink href={`${basePath()}/`}>Sign in</ButtonLink>}
        <Button kind="primary" type="submit" isBusy={found.isPending}>
          Begin
        </Button>
      </form>
    </>
  )
}

function isDone(error: Error | null): boolean {
  return error instanceof ApiError && error.reason === 'ALREADY_SET_UP'
}
