import { CreatePersonalAccessToken, ListRoles } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { idOf } from '@/api/session'
import { PermissionPicker } from '@/app/PermissionPicker'
import { useSession } from '@/app/SessionGate'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'
import { inDays } from '@/ui/times'
import { client, ME, useAccountChange, useAccountKey } from './account'

const LIVES = [7, 30, 60, 90].map((days) => [String(days), `${days} days`] as const)
const CHOSEN = 'chosen'
const NOTHING: ReadonlySet<string> = new Set()

type Props = { isOpen: boolean; onClose: () => void; onSecret: (secret: string) => void }

/** Makes a token: what for, until when, and how much of what one may it may. */
export function TokenDialog({ isOpen, onClose, onSecret }: Props) {
  const [may, setMay] = useState('')
  const [chosen, setChosen] = useState(NOTHING)
  const create = useAccountChange(async (form: FormData) => {
    // Without any it would get all.
    if (may === CHOSEN && chosen.size === 0) throw new Error('choose a permission at least')
    const personalAccessToken = {
      displayName: String(form.get('displayName')).trim(),
      expireTime: inDays(Number(form.get('days'))),
      scopes: may === CHOSEN ? [...chosen].sort() : may ? [may] : [],
    }
    onSecret((await client.call(CreatePersonalAccessToken, { parent: ME, personalAccessToken })).secret)
  })
  useEffect(() => {
    if (!isOpen) return
    setMay('')
    setChosen(NOTHING)
  }, [isOpen])

  function close() {
    create.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title="Create a token"
      verb="Create"
      onConfirm={(form) => create.mutate(form, { onSuccess: close })}
      isBusy={create.isPending}
      error={create.error}
    >
      <Field
        label="What for"
        name="displayName"
        maxLength={128}
        hint="Such as the script, and the machine that it runs on."
        autoComplete="off"
        required
      />
      <Select label="Ends after" name="days" defaultValue="30" choices={LIVES} />
      <MayField may={may} onMay={setMay} />
      {may === CHOSEN && <PermissionPicker chosen={chosen} onChoose={setChosen} />}
    </ConfirmDialog>
  )
}

function MayField({ may, onMay }: { may: string; onMay: (may: string) => void }) {
  const { organization } = useSession()
  const key = useAccountKey()
  const parent = organization?.name ?? ''
  // Who may not read the roles chooses permissions.
  const roles = useQuery({
    queryKey: [...key, 'roles', parent],
    queryFn: async () => (await client.call(ListRoles, { parent, pageSize: 500 })).roles,
    enabled: !!parent,
    retry: false,
  })
  return (
    <Select
      label="What it may do"
      value={may}
      onChange={({ target }) => onMay(target.value)}
      hint={may ? 'Never more than you may.' : 'Whoever has it is you: choose less where less will do.'}
      choices={[
        ['', 'Everything that you may'],
        ...(roles.data ?? []).map(
          (role) => [role.name, `What ${role.displayName || idOf(role.name)} may`] as const,
        ),
        [CHOSEN, 'Permissions that you choose'],
      ]}
    />
  )
}
