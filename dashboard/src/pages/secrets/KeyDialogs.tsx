import { AccessSecret, type Secret, UpdateSecret } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useEffect } from 'react'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { useWorkspaceChange } from '@/app/workspace'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { CopyCommand } from '@/ui/CopyCommand'
import { Dialog } from '@/ui/Dialog'
import form from '@/ui/form.module.css'
import { Note } from '@/ui/Note'
import { SecretArea } from '@/ui/SecretArea'
import { KeyFields } from './KeyFields'

type Props = {
  secret: Secret
  /** The key that it is about; a new one where empty. */
  of: string
  isOpen: boolean
  onClose: () => void
}

/** A new key, or a new value of one. */
export function ValueDialog({ secret: { name, etag, keys }, of, isOpen, onClose }: Props) {
  const { client } = useProject()
  const save = useWorkspaceChange((given: FormData) => {
    const key = of || String(given.get('key'))
    if (!of && keys.includes(key)) throw new Error(`There is a key ${key} already: rotate it.`)
    const values = { [key]: String(given.get('value')) }
    return client.call(UpdateSecret, { secret: { name, etag, values }, updateMask: 'values' })
  })
  function close() {
    save.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={of ? `Rotate ${of}` : `Add a key to ${idOf(name)}`}
      verb={of ? 'Rotate' : 'Add'}
      onConfirm={(given) => save.mutate(given, { onSuccess: close })}
      isBusy={save.isPending}
      error={save.error}
    >
      {of ? (
        <SecretArea
          label="New value"
          name="value"
          maxLength={24_000}
          hint="It takes the place of the old one, which is gone. Runs that began keep what they read."
          required
        />
      ) : (
        <KeyFields />
      )}
    </ConfirmDialog>
  )
}

export function RemoveKeyDialog({ secret: { name, etag }, of, isOpen, onClose }: Props) {
  const { client } = useProject()
  const remove = useWorkspaceChange((_: undefined) =>
    client.call(UpdateSecret, { secret: { name, etag }, updateMask: 'values', removeKeys: [of] }),
  )
  function close() {
    remove.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={`Delete the key ${of}?`}
      verb="Delete"
      isDangerous
      onConfirm={() => remove.mutate(undefined, { onSuccess: close })}
      isBusy={remove.isPending}
      error={remove.error}
    >
      <p className="quiet">Its value is gone with it. Steps that name the key fail from now on.</p>
    </ConfirmDialog>
  )
}

/** The value of a key, for who holds the right to read it: asked for, recorded, and forgotten when it is closed. */
export function RevealDialog({ secret: { name }, of, isOpen, onClose }: Props) {
  const { client } = useProject()
  const { mutate, reset, data, error } = useMutation({
    mutationFn: async (key: string) => (await client.call(AccessSecret, { name })).values[key] ?? '',
  })
  useEffect(() => {
    if (isOpen) mutate(of)
    else reset()
  }, [isOpen, of, mutate, reset])
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={`The value of ${of}`}>
      <div className={form.form}>
        {error && <Note kind="bad" error={error} />}
        {data === undefined && !error && <p role="status">Reading …</p>}
        {data !== undefined && <CopyCommand command={data} />}
        <p className="quiet">The audit log says that you read it.</p>
      </div>
    </Dialog>
  )
}
