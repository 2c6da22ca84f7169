import { CreateSecret, type Secret } from '@contract/workspace'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { useWorkspaceChange } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { CommonFields, commonOf } from '@/ui/CommonFields'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import form from '@/ui/form.module.css'
import { Icon } from '@/ui/Icon'
import { KeyFields } from './KeyFields'

type Props = { isOpen: boolean; onClose: () => void; onDone: (id: string) => void }

const MOST_KEYS = 64

/** A new secret with its first values. */
export function CreateDialog({ isOpen, onClose, onDone }: Props) {
  const save = useSave()
  function close() {
    save.reset()
    onClose()
  }
  const done = ({ name }: Secret) => {
    close()
    onDone(idOf(name))
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title="Create a secret"
      verb="Create"
      onConfirm={(given) => save.mutate(given, { onSuccess: done })}
      isBusy={save.isPending}
      error={save.error}
    >
      <CommonFields of={undefined} error={save.error} noun="secret" />
      <Keys />
      <label className={form.check}>
        <input type="checkbox" name="private" />
        For me alone, and the runs that I start
      </label>
    </ConfirmDialog>
  )
}

/** As many keys as somebody asks for. */
function Keys() {
  const [count, setCount] = useState(1)
  return (
    <>
      {Array.from({ length: count }, (_, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are only ever added at the end
        <KeyFields key={at} number={count > 1 ? at + 1 : undefined} />
      ))}
      {count < MOST_KEYS && (
        <div>
          <Button size="small" onClick={() => setCount(count + 1)}>
            <Icon name="plus" /> Another key
          </Button>
        </div>
      )}
    </>
  )
}

function useSave() {
  const { client } = useProject()
  return useWorkspaceChange((given: FormData) => {
    const values = given.getAll('value')
    const keys = given.getAll('key').map(String)
    const twice = keys.find((key, at) => keys.indexOf(key) < at)
    if (twice) throw new Error(`The key ${twice} is there twice: each has one value.`)
    const pairs = keys.map((key, at) => [key, String(values[at])] as const)
    return client.call(CreateSecret, {
      secretId: String(given.get('id')),
      secret: {
        ...commonOf(given),
        scope: given.has('private') ? 'SECRET_SCOPE_PRIVATE' : 'SECRET_SCOPE_SHARED',
        values: Object.fromEntries(pairs),
      },
    })
  })
}
