import { CreateRoleBinding } from '@contract/controlplane'
import { idOf } from '@/api/session'
import { useChange, useOrganization } from '@/app/organization'
import { PlaceField, SubjectField } from '@/app/SubjectField'
import { subjectOf } from '@/app/subjects'
import { useRoles } from '@/app/useRoles'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'

/** Gives somebody a role somewhere, for good or until a day. */
export function GrantDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { client, name: parent } = useOrganization()
  const { items: roles } = useRoles()
  const grant = useChange(async (form: FormData) => {
    const until = String(form.get('until'))
    const roleBinding = {
      subject: await subjectOf(client, parent, String(form.get('subject'))),
      role: String(form.get('role')),
      resource: String(form.get('resource')).trim(),
      expireTime: until ? new Date(until).toISOString() : undefined,
    }
    return client.call(CreateRoleBinding, { parent, roleBinding })
  })

  function close() {
    grant.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title="Grant a role"
      verb="Grant"
      onConfirm={(form) => grant.mutate(form, { onSuccess: close })}
      isBusy={grant.isPending}
      error={grant.error}
    >
      <SubjectField
        label="Who"
        name="subject"
        hint="An address, team: and the id of a team, or sa: and that of a service account."
        required
      />
      <Select
        label="Role"
        name="role"
        choices={roles.map(({ name, displayName }) => [name, displayName || idOf(name)] as const)}
      />
      <PlaceField label="Where" name="resource" required />
      <Field label="Until" name="until" type="datetime-local" hint="For good where it is empty." />
    </ConfirmDialog>
  )
}
