import { DeleteWebhook, RotateWebhookSecret, UpdateWebhook, type Webhook } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { DeleteButton } from '@/app/DeleteButton'
import { useMay, useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { EditDialog } from '@/ui/EditDialog'
import { Note } from '@/ui/Note'
import { Select } from '@/ui/Select'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { WebhookSecret } from '../triggers/WebhookSecret'

const route = getRouteApi('/w/$workspace/p/$project/webhooks/$webhook')
const OVERLAPS = [
  ['86400s', 'A day'],
  ['604800s', 'Seven days'],
  ['0s', 'Not at all: it ends now'],
] as const

/** What one can do with a webhook: what is permitted. */
export function WebhookActions({ webhook }: { webhook: Webhook }) {
  const { client } = useProject()
  const may = useMay()
  const navigate = route.useNavigate()
  const { name, etag } = webhook
  const toList = () =>
    void navigate({
      to: '/w/$workspace/p/$project/triggers',
      params: (now) => now,
      search: { view: 'webhooks' },
    })
  return (
    <>
      {may('webhooks.update') && <RestButton webhook={webhook} />}
      {may('webhooks.update') && <EditButton webhook={webhook} />}
      {may('webhooks.rotate') && <RotateButton webhook={webhook} />}
      {may('webhooks.delete') && (
        <DeleteButton
          noun="webhook"
          name={name}
          remove={() => client.call(DeleteWebhook, { name, etag })}
          onDone={toList}
        >
          Senders are refused from then on; what arrived is forgotten.
        </DeleteButton>
      )}
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

function EditButton({ webhook: now }: { webhook: Webhook }) {
  const { client } = useProject()
  const [isOpen, setOpen] = useState(false)
  const webhook = useWhenOpened(isOpen, now)
  const { name, etag, displayName, description, labels } = webhook
  return (
    <>
      <Button onClick={() => setOpen(true)}>Edit</Button>
      <EditDialog
        title={`Edit ${idOf(name)}`}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        said={{ title: displayName, description, labels }}
        name={{ label: 'Name', hint: 'The name that people read.', maxLength: 128 }}
        save={({ title, ...said }) =>
          client.call(UpdateWebhook, {
            webhook: { name, etag, displayName: title, ...said },
            updateMask: 'displayName,description,labels',
          })
        }
      />
    </>
  )
}

function RotateButton({ webhook: { name, etag } }: { webhook: Webhook }) {
  const { client } = useProject()
  const [isOpen, setOpen] = useState(false)
  const [made, setMade] = useState<Webhook>()
  const rotate = useMutation({
    mutationFn: (overlap: string) => client.call(RotateWebhookSecret, { name, etag, overlap }),
  })
  function close() {
    rotate.reset()
    setOpen(false)
  }
  function done(webhook: Webhook) {
    setMade(webhook)
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
      <WebhookSecret of={made} title="The new secret" onClose={() => setMade(undefined)} />
    </>
  )
}
