import { SetPassword } from '@contract/controlplane'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useRef, useState } from 'react'
import { signIn } from '@/api/session'
import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'
import { client, useAccountKey } from './account'
import css from './account.module.css'

/** A new password ends every session: this browser signs in again with it at once. */
export function PasswordForm({ email }: { email: string }) {
  const form = useRef<HTMLFormElement>(null)
  const queries = useQueryClient()
  const key = useAccountKey()
  const [isDone, setDone] = useState(false)
  const change = useMutation({
    mutationFn: async (typed: FormData) => {
      const newPassword = String(typed.get('new'))
      const currentPassword = String(typed.get('current'))
      await client.call(SetPassword, { email, currentPassword, newPassword })
      await signIn(email, newPassword)
    },
    // A wrong password is no session that ended.
    meta: { isSignIn: true },
  })

  /** Neither the fields nor the cache hold the passwords any longer. */
  function forget() {
    form.current?.reset()
    change.reset()
    setDone(true)
    void queries.invalidateQueries({ queryKey: key })
  }

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    setDone(false)
    change.mutate(new FormData(event.currentTarget), { onSuccess: forget })
  }

  return (
    <form ref={form} className={css.form} onSubmit={submit}>
      <input type="hidden" name="username" autoComplete="username" value={email} />
      <Field
        label="Current password"
        name="current"
        type="password"
        autoComplete="current-password"
        maxLength={1024}
        required
      />
      <Field
        label="New password"
        name="new"
        type="password"
        autoComplete="new-password"
        minLength={12}
        maxLength={1024}
        hint="At least 12 characters. Every other place where you are signed in is signed out."
        required
      />
      {change.error && <Note kind="bad" error={change.error} />}
      {isDone && <Note kind="info">Your password is changed, and you are signed in with it.</Note>}
      <div>
        <Button kind="primary" type="submit" isBusy={change.isPending}>
          Change the password
        </Button>
      </div>
    </form>
  )
}
