import { GetUser, UpdateUser, type User } from '@contract/controlplane'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { Button } from '@/ui/Button'
import { ErrorPage } from '@/ui/ErrorPage'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import table from '@/ui/table.module.css'
import { useTitle } from '@/ui/useTitle'
import { client, ME, useAccountChange, useAccountKey } from './account'
import css from './account.module.css'
import { Memberships } from './Memberships'
import { PasswordForm } from './PasswordForm'

/** Who one is here, and how one proves it. */
export function ProfilePage() {
  const key = useAccountKey()
  const user = useQuery({
    queryKey: [...key, 'user'],
    queryFn: ({ signal }) => client.call(GetUser, { name: ME }, { signal }),
  })
  useTitle('Profile')
  if (user.error && !user.data) return <ErrorPage error={user.error} onRetry={user.refetch} />
  if (!user.data) return <p className={table.aside}>Reading …</p>
  return (
    <>
      <PageHead title="Profile" />
      <div className={css.body}>
        <NameForm user={user.data} />
        <section className={css.section}>
          <h2>Password</h2>
          <Password user={user.data} />
        </section>
        <Memberships />
      </div>
    </>
  )
}

function NameForm({ user }: { user: User }) {
  const queries = useQueryClient()
  const save = useAccountChange(async (displayName: string) => {
    await client.call(UpdateUser, { user: { name: ME, displayName }, updateMask: 'displayName' })
    // The name stands in the menu, too.
    await queries.invalidateQueries({ queryKey: ['session'] })
  })

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    save.mutate(String(new FormData(event.currentTarget).get('displayName')).trim())
  }

  return (
    <section className={css.section}>
      <h2>You</h2>
      <form className={css.form} onSubmit={submit}>
        <Field label="Email" value={user.email || 'None that anybody has proven'} readOnly />
        <Field
          label="Name"
          name="displayName"
          maxLength={128}
          defaultValue={user.displayName}
          autoComplete="name"
          hint="What colleagues read; your address where it is empty."
        />
        {save.error && <Note kind="bad" error={save.error} />}
        {save.isSuccess && <Note kind="info">Saved.</Note>}
        <div>
          <Button kind="primary" type="submit" isBusy={save.isPending}>
            Save
          </Button>
        </div>
      </form>
    </section>
  )
}

function Password({ user }: { user: User }) {
  if (user.hasPassword) return <PasswordForm email={user.email} />
  return <Note kind="info">Your identity provider vouches for you: you have no password here.</Note>
}
