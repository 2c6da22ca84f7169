import { CreateWebhook, type Webhook, type WebhookKind } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useProject } from '@/app/project'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'
import { ShownOnce } from '@/ui/ShownOnce'
import { KINDS } from './occurrence'

/** Makes a webhook, and shows its secret the one time that it can be seen. */
export function WebhookDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { client, name: parent } = useProject()
  const [secret, setSecret] = useState('')
  const make = useMutation({
    mutationFn: (form: FormData) => {
      const text = (field: string) => String(form.get(field) ?? '').trim()
      const webhook = { kind: text('kind') as WebhookKind, displayName: text('displayName') }
      return client.call(CreateWebhook, { parent, webhookId: text('id'), webhook })
    },
  })
  function close() {
    make.reset()
    onClose()
  }
  function done(made: Webhook) {
    setSecret(made.secret)
    close()
  }
  return (
    <>
      <ConfirmDialog
        isOpen={isOpen}
        onClose={close}
        title="Create a webhook"
        verb="Create"
        onConfirm={(form) => make.mutate(form, { onSuccess: done })}
        isBusy={make.isPending}
        error={make.error}
      >
        <Field
          label="Id"
          name="id"
          maxLength={63}
          hint="A part of its address: lower-case letters, digits and hyphens."
          autoComplete="off"
          required
        />
        <Field label="Name" name="displayName" maxLength={128} />
        <Select
          label="Messages are signed as by"
          name="kind"
          choices={KINDS}
          hint="Other headers: weft webhooks create --kind hmac."
        />
      </ConfirmDialog>
      <ShownOnce secret={secret} title="The secret of the webhook" onClose={() => setSecret('')}>
        <p className="quiet">Give it to the sender, which signs its messages with it.</p>
      </ShownOnce>
    </>
  )
}
