import { DeleteWebhook, RotateWebhookSecret, UpdateWebhook, type Webhook } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMay, useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Note } from '@/ui/Note'
import { Select } from '@/ui/Select'
import { ShownOnce } from '@/ui/ShownOnce'

const route = getRouteApi('/w/$workspace/p/$project/webhooks/$webhook')
const OVERLAPS = [
  ['86400s', 'A day'],
  ['604800s', 'Seven days'],
  ['0s', 'Not at all: it ends now'],
] as const

/** What one can do with a webhook: what is permitted. */
export function WebhookActions({ webhook }: { webhook: Webhook }) {
  const may = useMay()
  return (
    <>
      {may('webhooks.update') && <RestButton webhook={webhook} />}
      {may('webhooks.rotate') && <RotateButton webhook={webhook} />}
      {may('webhooks.delete') && <DeleteButton webhook={webhook} />}
    </>
  )
}

function RestButton({ webhook: { name, etag, disabled } }: { webhook: Webhook }) {
  const { client } = useProject()
  const change = useMutation({
    mutationFn: () =>
      client.call(UpdateWebhook, { webhook: { name, etag, disabled: !disabled }, updateMask: 'disabled' }),
  })
  return (
    <>
      <Button isBusy={change.isPending} onClick={() => change.mutate()}>
        {disabled ? 'Enable' : 'Disable'}
      </Button>
      {change.error && <Note kind="bad" error={change.error} />}
    </>
  )
}

function RotateButton({ webhook: { name, etag } }: { webhook: Webhook }) {
  const { client } = useProject()
  const [isOpen, setOpen] = useState(false)
  const [secret, setSecret] = useState('')
  const rotate = useMutation({
    mutationFn: (overlap: string) => client.call(RotateWebhookSecret, { name, etag, overlap }),
  })
  function close() {
    rotate.reset()
    setOpen(false)
  }
  function done(made: Webhook) {
    setSecret(made.secret)
    close()
  }
  return (
    <>
      <Button onClick={() => setOpen(true)}>New secret</Button>
      <ConfirmDialog
        isOpen={isOpen}
        onClose={close}
        title={`A new secret for ${idOf(name)}`}
        verb="Make it"
        onConfirm={(form) => rotate.mutate(String(form.get('overlap')), { onSuccess: done })}
        isBusy={rotate.isPending}
        error={rotate.error}
      >
        <Select label="The secret of now holds on for" name="overlap" choices={OVERLAPS} />
      </ConfirmDialog>
      <ShownOnce secret={secret} title="The new secret" onClose={() => setSecret('')}>
        <p className="quiet">Give it to the sender, which signs its messages with it.</p>
      </ShownOnce>
    </>
  )
}

function DeleteButton({ webhook: { name, etag } }: { webhook: Webhook }) {
  const { client } = useProject()
  const navigate = route.useNavigate()
  const [isOpen, setOpen] = useState(false)
  const remove = useMutation({
    mutationFn: () => client.call(DeleteWebhook, { name, etag }),
    onSuccess: () =>
      navigate({
        to: '/w/$workspace/p/$project/triggers',
        params: (now) => now,
        search: { view: 'webhooks' },
      }),
  })
  return (
    <>
      <Button kind="danger" onClick={() => setOpen(true)}>
        Delete
      </Button>
      <ConfirmDialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        title={`Delete ${idOf(name)}?`}
        verb="Delete"
        isDangerous
        onConfirm={() => remove.mutate()}
        isBusy={remove.isPending}
        error={remove.error}
      >
        <p className="quiet">Senders are refused from then on; what arrived is forgotten.</p>
      </ConfirmDialog>
    </>
  )
}
