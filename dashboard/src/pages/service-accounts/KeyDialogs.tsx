import { type ApiKey, CreateApiKey, DeleteApiKey, RotateApiKey } from '@contract/controlplane'
import { useChange, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'
import { inDays } from '@/ui/times'

export type KeyWish = { act: 'create' } | { act: 'rotate' | 'delete'; key: ApiKey }

const VERBS = { create: 'Create', rotate: 'Rotate', delete: 'Delete' }
const LIVES = [30, 90, 180, 365].map((days) => [String(days), `${days} days`] as const)
const OVERLAPS = [
  ['0s', 'Not at all'],
  ['3600s', 'An hour'],
  ['86400s', 'A day'],
  ['604800s', 'A week'],
  ['2592000s', '30 days'],
] as const

type Props = {
  account: string
  /** Whether there is room for another live key: an old one works on only where there is. */
  hasRoom: boolean
  wish: KeyWish | undefined
  onClose: () => void
  onSecret: (secret: string) => void
}

export function KeyDialogs({ account, hasRoom, wish, onClose, onSecret }: Props) {
  const { client } = useOrganization()
  const act = wish?.act ?? 'create'
  const change = useChange(async ({ wanted, form }: { wanted: KeyWish; form: FormData }) => {
    if (wanted.act === 'delete') return void (await client.call(DeleteApiKey, { name: wanted.key.name }))
    if (wanted.act === 'rotate') {
      const retainPeriod = String(form.get('overlap'))
      return onSecret((await client.call(RotateApiKey, { name: wanted.key.name, retainPeriod })).secret)
    }
    const displayName = String(form.get('displayName')).trim()
    const apiKey = { displayName, expireTime: inDays(Number(form.get('days'))) }
    onSecret((await client.call(CreateApiKey, { parent: account, apiKey })).secret)
  })

  function close() {
    change.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={!!wish}
      onClose={close}
      title={titleOf(wish)}
      verb={VERBS[act]}
      isDangerous={act === 'delete'}
      onConfirm={(form) => wish && change.mutate({ wanted: wish, form }, { onSuccess: close })}
      isBusy={change.isPending}
      error={change.error}
    >
      {act === 'create' && <NewFields />}
      {act === 'rotate' && (
        <Select
          label="How long the old key works on"
          name="overlap"
          defaultValue={hasRoom ? '86400s' : '0s'}
          choices={hasRoom ? OVERLAPS : OVERLAPS.slice(0, 1)}
          hint="The new one lives as long as the old one was made for."
        />
      )}
      {act === 'delete' && <p className="quiet">What uses it is shut out at once, everywhere.</p>}
    </ConfirmDialog>
  )
}

function NewFields() {
  return (
    <>
      <Field label="Where it is used" name="displayName" maxLength={128} autoComplete="off" />
      <Select label="Ends after" name="days" defaultValue="90" choices={LIVES} />
    </>
  )
}

function titleOf(wish: KeyWish | undefined): string {
  if (!wish || wish.act === 'create') return 'Create a key'
  return `${VERBS[wish.act]} the key ${wish.key.displayName || wish.key.prefix}?`
}
