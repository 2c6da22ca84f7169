import { CreateWebhook, type HmacHeaders, type Webhook, type WebhookKind } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { type Problems, problemsOf } from '@/api/problems'
import { useProject } from '@/app/project'
import { CommonFields, commonOf } from '@/ui/CommonFields'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'
import { KINDS } from './occurrence'
import { WebhookSecret } from './WebhookSecret'

const HMAC = 'WEBHOOK_KIND_HMAC'

/** Makes a webhook, and shows its secret the one time that it can be seen. */
export function WebhookDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { client, name: parent } = useProject()
  const [made, setMade] = useState<Webhook>()
  const [kind, setKind] = useState<string>(KINDS[0][0])
  const make = useMutation({
    mutationFn: (form: FormData) => {
      const headers = kind === HMAC && { hmac: headersIn(form) }
      const webhook = { ...commonOf(form), kind: kind as WebhookKind, ...headers }
      return client.call(CreateWebhook, { parent, webhookId: String(form.get('id')), webhook })
    },
  })
  function close() {
    make.reset()
    onClose()
  }
  function done(webhook: Webhook) {
    setMade(webhook)
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
        <CommonFields of={undefined} error={make.error} noun="webhook" />
        <Select
          label="Messages are signed as by"
          value={kind}
          onChange={({ target }) => setKind(target.value)}
          choices={KINDS}
        />
        {kind === HMAC && <HeaderFields problems={problemsOf(make.error)} />}
      </ConfirmDialog>
      <WebhookSecret of={made} title="The secret of the webhook" onClose={() => setMade(undefined)} />
    </>
  )
}

const HEADERS = [
  [
    'signature',
    'Header of the signature',
    'HMAC-SHA256 in hexadecimal, of the body alone or of time, dot and body.',
  ],
  ['timestamp', 'Header of the time', 'Seconds since 1970, signed with the body; five minutes old at most.'],
  ['id', 'Header of the id', 'By which a message that is sent again is known.'],
  ['eventType', 'Header of the event', 'What happened, in a word.'],
] as const

function HeaderFields({ problems }: { problems: Problems }) {
  return HEADERS.map(([name, label, hint]) => (
    <Field
      key={name}
      label={label}
      name={`hmac.${name}`}
      hint={hint}
      defaultValue={name === 'signature' ? 'x-signature' : ''}
      pattern="x-[a-z0-9\-]+"
      maxLength={64}
      problem={problems.get(`webhook.hmac.${name === 'eventType' ? 'event_type' : name}`)}
      required={name === 'signature'}
      autoComplete="off"
      spellCheck={false}
    />
  ))
}

/** Those that were named. */
function headersIn(form: FormData): Partial<HmacHeaders> {
  const said = HEADERS.map(([name]) => [name, String(form.get(`hmac.${name}`) ?? '').trim()] as const)
  return Object.fromEntries(said.filter(([, header]) => header))
}
