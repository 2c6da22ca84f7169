import { CreateInvitation, ListRoles, ListTeams, ListWorkspaces } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useChange, useMayHere, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import formCss from '@/ui/form.module.css'
import { Select } from '@/ui/Select'

type Props = { isOpen: boolean; onClose: () => void; onToken: (token: string) => void }

/** Invites an address, with a role and teams that wait for whoever accepts. */
export function InviteDialog({ isOpen, onClose, onToken }: Props) {
  const { client, name } = useOrganization()
  const invite = useChange(async (form: FormData) => {
    const invitation = {
      email: String(form.get('email')).trim(),
      roles: form.get('role')
        ? [{ role: String(form.get('role')), resource: String(form.get('resource')) }]
        : [],
      teams: form.getAll('team').map(String),
    }
    onToken((await client.call(CreateInvitation, { parent: name, invitation })).token)
  })

  function close() {
    invite.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title="Invite somebody"
      verb="Make the link"
      onConfirm={(form) => invite.mutate(form, { onSuccess: close })}
      isBusy={invite.isPending}
      error={invite.error}
    >
      <Field
        label="Address"
        name="email"
        type="email"
        autoComplete="off"
        maxLength={254}
        hint="Only an account of this address can accept."
        required
      />
      <RoleFields />
      <TeamFields />
    </ConfirmDialog>
  )
}

function RoleFields() {
  const { client, name, displayName, id, key } = useOrganization()
  const [role, setRole] = useState('')
  const may = useMayHere()
  const canGrant = may('roleBindings.create') && may('roles.list')
  const roles = useQuery({
    queryKey: [...key, 'role-choices'],
    queryFn: async () => (await client.call(ListRoles, { parent: name, pageSize: 500 })).roles,
    enabled: canGrant,
  })
  const workspaces = useQuery({
    queryKey: [...key, 'workspace-choices'],
    queryFn: async () => (await client.call(ListWorkspaces, { parent: name, pageSize: 500 })).workspaces,
    enabled: canGrant,
  })
  if (!canGrant) return null
  const places = (workspaces.data ?? []).map((each) => [
    each.name,
    `Workspace ${each.displayName || idOf(each.name)}`,
  ])
  return (
    <>
      <Select
        label="Role"
        name="role"
        value={role}
        onChange={(event) => setRole(event.target.value)}
        hint={role ? undefined : 'Without any they join, and see nothing yet.'}
        choices={[
          ['', 'None'],
          ...(roles.data ?? []).map((each) => [each.name, each.displayName || idOf(each.name)] as const),
        ]}
      />
      {role && (
        <Select
          label="Where"
          name="resource"
          choices={[...(places as [string, string][]), [name, `All of ${displayName || id}`]]}
        />
      )}
    </>
  )
}

function TeamFields() {
  const { client, name, key } = useOrganization()
  const may = useMayHere()
  const teams = useQuery({
    queryKey: [...key, 'team-choices'],
    queryFn: async () => (await client.call(ListTeams, { parent: name, pageSize: 500 })).teams,
    enabled: may('teamMembers.add') && may('teams.list'),
  })
  if (!teams.data || teams.data.length === 0) return null
  return (
    <fieldset className={formCss.group}>
      <legend>Teams</legend>
      <div className={formCss.list}>
        {teams.data.map((team) => (
          <label key={team.name} className={formCss.check}>
            <input type="checkbox" name="team" value={team.name} />
            {team.displayName || idOf(team.name)}
          </label>
        ))}
      </div>
    </fieldset>
  )
}
