import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import { type Device, decideDevice, getDevice } from '@/api/session'
import { Logo } from '@/app/Logo'
import css from '@/app/login.module.css'
import { useSession } from '@/app/SessionGate'
import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'
import { exact } from '@/ui/times'
import { useTitle } from '@/ui/useTitle'
import { Values } from '@/ui/Values'

const route = getRouteApi('/device')

/** Where people let a command line, or another device, sign in as themselves. */
export function DevicePage() {
  const { user_code: code = '' } = route.useSearch()
  useTitle('Sign a device in')
  return (
    <main className={css.page}>
      <div className={css.card}>
        <Logo size={36} />
        <h1>Sign a device in</h1>
        <div className={css.ways}>{code ? <Asking key={code} code={code} /> : <CodeForm />}</div>
      </div>
    </main>
  )
}

function CodeForm() {
  const navigate = route.useNavigate()
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const code = String(new FormData(event.currentTarget).get('code')).trim().toUpperCase()
    void navigate({ search: { user_code: code } })
  }
  return (
    <form className={css.form} onSubmit={submit}>
      <Field
        label="Code"
        name="code"
        hint="It stands on the device."
        autoComplete="off"
        spellCheck={false}
        required
      />
      <Button kind="primary" type="submit">
        Go on
      </Button>
    </form>
  )
}

function Asking({ code }: { code: string }) {
  const device = useQuery({ queryKey: ['device', code], queryFn: () => getDevice(code), retry: false })
  const decide = useMutation({ mutationFn: (isApproved: boolean) => decideDevice(code, isApproved) })
  if (device.error)
    return (
      <>
        <Note kind="bad" error={device.error} />
        <CodeForm />
      </>
    )
  if (!device.data) return <p className="quiet">Asking …</p>
  if (decide.isSuccess) return <Decided isApproved={decide.variables} />
  if (device.data.state !== 'PENDING')
    return <Note kind="info">This code was used already. Begin again on the device.</Note>
  return (
    <>
      <Facts device={device.data} />
      {decide.error && <Note kind="bad" error={decide.error} />}
      <Button kind="primary" isBusy={decide.isPending} onClick={() => decide.mutate(true)}>
        Let it in
      </Button>
      <Button isBusy={decide.isPending} onClick={() => decide.mutate(false)}>
        Refuse
      </Button>
    </>
  )
}

function Facts({ device }: { device: Device }) {
  const { user } = useSession()
  return (
    <>
      <p>It would be signed in as {user.email}, with all that you may do.</p>
      <Values
        values={{
          Code: <strong className="mono">{device.userCode}</strong>,
          Asks: device.client,
          From: device.address,
          Since: exact(device.time),
        }}
      />
      {!device.sameAddress && (
        <Note kind="warn">
          It asks from another address than yours. If somebody sent you this code, refuse: they would be
          signed in as you.
        </Note>
      )}
    </>
  )
}

function Decided({ isApproved }: { isApproved: boolean }) {
  if (isApproved) return <Note kind="info">The device is signed in. You can close this page.</Note>
  return <Note kind="info">The device was refused.</Note>
}
