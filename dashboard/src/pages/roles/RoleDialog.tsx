import { CreateRole, type Role, UpdateRole } from '@contract/controlplane'
import { useEffect, useState } from 'react'
import { idOf } from '@/api/session'
import { useChange, useOrganization } from '@/app/organization'
import { PermissionPicker } from '@/app/PermissionPicker'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'

type Props = {
  isOpen: boolean
  onClose: () => void
  onDone: (id: string) => void
  /** What a new role can begin with. */
  roles?: Role[]
  /** The one to change; a new one where absent. */
  role?: Role
}

const NOTHING: ReadonlySet<string> = new Set()

export function RoleDialog({ isOpen, onClose, onDone, roles = [], role }: Props) {
  const [chosen, setChosen] = useState(NOTHING)
  const save = useSave(role, chosen)
  useEffect(() => {
    if (isOpen) setChosen(new Set(role?.permissions))
  }, [isOpen, role])

  function close() {
    save.reset()
    onClose()
  }
  const done = (saved: Role) => {
    close()
    onDone(idOf(saved.name))
  }
  const title = role ? `Edit ${role.displayName || idOf(role.name)}` : 'Create a role'
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={title}
      verb={role ? 'Save' : 'Create'}
      onConfirm={(form) => save.mutate(form, { onSuccess: done })}
      isBusy={save.isPending}
      error={save.error}
    >
      {!role && <NewFields roles={roles} onLike={(like) => setChosen(new Set(like?.permissions))} />}
      <Field
        label="Name"
        name="displayName"
        maxLength={128}
        defaultValue={role?.displayName}
        autoComplete="off"
      />
      <Field
        label="What for"
        name="description"
        maxLength={1024}
        defaultValue={role?.description}
        autoComplete="off"
      />
      <PermissionPicker chosen={chosen} onChoose={setChosen} />
    </ConfirmDialog>
  )
}

function NewFields({ roles, onLike }: { roles: Role[]; onLike: (role: Role | undefined) => void }) {
  return (
    <>
      <Field
        label="Id"
        name="id"
        pattern="[a-z]([a-z0-9\-]*[a-z0-9])?"
        maxLength={63}
        hint="Small letters, digits and dashes; it never changes."
        autoComplete="off"
        spellCheck={false}
        required
      />
      <Select
        label="Begin with"
        onChange={({ target }) => onLike(roles.find(({ name }) => name === target.value))}
        choices={[
          ['', 'Nothing'],
          ...roles.map(({ name, displayName }) => [name, `What ${displayName || idOf(name)} may`] as const),
        ]}
      />
    </>
  )
}

function useSave(role: Role | undefined, chosen: ReadonlySet<string>) {
  const { client, name: parent } = useOrganization()
  return useChange((form: FormData) => {
    const fields = {
      displayName: String(form.get('displayName')),
      description: String(form.get('description')),
      permissions: [...chosen].sort(),
    }
    if (!role) return client.call(CreateRole, { parent, roleId: String(form.get('id')), role: fields })
    const { name, etag } = role
    const updateMask = 'displayName,description,permissions'
    return client.call(UpdateRole, { role: { name, etag, ...fields }, updateMask })
  })
}
