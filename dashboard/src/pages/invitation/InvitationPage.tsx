import {
  AcceptInvitation,
  DeclineInvitation,
  InspectInvitation,
  type InspectInvitationResponse,
} from '@contract/controlplane'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { basePath, Client } from '@/api/client'
import { getSession, signIn } from '@/api/session'
import { forgetToken, tokenOfAddress } from '@/app/addressToken'
import { LoginForm } from '@/app/LoginForm'
import { Logo } from '@/app/Logo'
import css from '@/app/login.module.css'
import { enterOrganization } from '@/app/signInOrganization'
import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'
import { exact } from '@/ui/times'
import { useTitle } from '@/ui/useTitle'
import { Values } from '@/ui/Values'

const client = new Client()

/** Where somebody comes in who was invited; the token stands in the part of the address that nobody sends. */
export function InvitationPage() {
  const token = tokenOfAddress()
  useTitle('You are invited')
  return (
    <main className={css.page}>
      <div className={css.card}>
        <Logo size={36} />
        <h1>You are invited</h1>
        <div className={css.ways}>
          {token ? (
            <Inspected token={token} />
          ) : (
            <Note kind="bad">The link is cut short: ask for all of it.</Note>
          )}
        </div>
      </div>
    </main>
  )
}

function Inspected({ token }: { token: string }) {
  const invitation = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => client.call(InspectInvitation, { token }),
    retry: false,
  })
  const session = useQuery({ queryKey: ['session'], queryFn: getSession })
  const decline = useMutation({
    mutationFn: () => client.call(DeclineInvitation, { token }),
    onSuccess: forgetToken,
  })
  if (invitation.error) return <Note kind="bad" error={invitation.error} />
  if (!invitation.data || session.isPending) return <p className="quiet">Asking …</p>
  if (decline.isSuccess) return <Note kind="info">You have turned it down. You can close this page.</Note>
  return (
    <>
      <Facts of={invitation.data} />
      <Ways token={token} of={invitation.data} signedInAs={session.data?.user.email} />
      {decline.error && <Note kind="bad" error={decline.error} />}
      <Button kind="quiet" isBusy={decline.isPending} onClick={() => decline.mutate()}>
        Turn it down
      </Button>
    </>
  )
}

function Facts({ of: { organizationDisplayName, invitation } }: { of: InspectInvitationResponse }) {
  return (
    <Values
      values={{
        To: organizationDisplayName,
        For: invitation?.email,
        Until: invitation?.expireTime && exact(invitation.expireTime),
      }}
    />
  )
}

type WaysProps = { token: string; of: InspectInvitationResponse; signedInAs: string | undefined }

/** By the account of that address; with a new one where there is none. */
function Ways({ token, of, signedInAs }: WaysProps) {
  const queries = useQueryClient()
  const email = of.invitation?.email ?? ''
  if (signedInAs)
    return <Join token={token} email={email} signedInAs={signedInAs} organization={organizationOf(of)} />
  if (!of.accountExists) return <NewAccount token={token} email={email} />
  return (
    <>
      <p className="quiet">There is an account of this address: sign in to join with it.</p>
      <LoginForm
        email={email}
        organization={organizationOf(of)}
        onSignedIn={() => queries.invalidateQueries({ queryKey: ['session'] })}
      />
    </>
  )
}

/** "acme" of "organizations/acme/invitations/…". */
function organizationOf({ invitation }: InspectInvitationResponse): string {
  return invitation?.name.split('/')[1] ?? ''
}

type JoinProps = { token: string; email: string; signedInAs: string; organization: string }

function Join({ token, email, signedInAs, organization }: JoinProps) {
  const join = useMutation({
    mutationFn: () => client.call(AcceptInvitation, { token }),
    onSuccess: () => {
      enterOrganization(organization)
      enter()
    },
  })
  if (signedInAs.toLowerCase() !== email.toLowerCase())
    return (
      <Note kind="warn">
        You are signed in as {signedInAs}. Sign out there first, and open the link again.
      </Note>
    )
  return (
    <>
      {join.error && <Note kind="bad" error={join.error} />}
      <Button kind="primary" isBusy={join.isPending} onClick={() => join.mutate()}>
        Join as {signedInAs}
      </Button>
    </>
  )
}

function NewAccount({ token, email }: { token: string; email: string }) {
  const join = useMutation({
    mutationFn: async (form: FormData) => {
      const password = String(form.get('password'))
      const displayName = String(form.get('name'))
      await client.call(AcceptInvitation, { token, displayName, password })
      await signIn(email, password)
    },
    onSuccess: enter,
    // Whoever is refused here has no session that ended.
    meta: { isSignIn: true },
  })

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    join.mutate(new FormData(event.currentTarget))
  }

  return (
    <form className={css.form} onSubmit={submit}>
      <input type="hidden" name="username" autoComplete="username" value={email} />
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
      {join.error && <Note kind="bad" error={join.error} />}
      <Button kind="primary" type="submit" isBusy={join.isPending}>
        Join
      </Button>
    </form>
  )
}

function enter(): void {
  forgetToken()
  location.assign(`${basePath()}/`)
}
