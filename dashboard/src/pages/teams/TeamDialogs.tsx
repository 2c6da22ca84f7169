import { AddTeamMembers, DeleteTeam, RemoveTeamMembers, type Team, UpdateTeam } from '@contract/controlplane'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { useChange, useOrganization } from '@/app/organization'
import { SubjectField } from '@/app/SubjectField'
import { subjectOf } from '@/app/subjects'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { TeamFields, textsOf } from './TeamFields'

export type TeamWish = { act: 'add' | 'update' | 'delete' } | { act: 'remove'; member: string; words: string }

const route = getRouteApi('/o/$organization/teams/$team')
const VERBS = { add: 'Add', update: 'Save', delete: 'Delete', remove: 'Remove' }

type Props = { team: Team; wish: TeamWish | undefined; onClose: () => void }

/** The one dialog of the page, for whichever change somebody wants. */
export function TeamDialogs({ team, wish, onClose }: Props) {
  const change = useTeamChange(team)
  const navigate = route.useNavigate()
  const act = wish?.act ?? 'add'

  function close() {
    change.reset()
    onClose()
  }
  function done() {
    close()
    if (act === 'delete') void navigate({ to: '/o/$organization/teams' })
  }
  return (
    <ConfirmDialog
      isOpen={!!wish}
      onClose={close}
      title={titleOf(team, wish)}
      verb={VERBS[act]}
      isDangerous={act === 'delete' || act === 'remove'}
      onConfirm={(form) => wish && change.mutate({ wish, form }, { onSuccess: done })}
      isBusy={change.isPending}
      error={change.error}
    >
      {act === 'add' && <SubjectField label="Person or service account" name="member" required />}
      {act === 'update' && <TeamFields team={team} />}
      {act === 'remove' && <p className="quiet">They lose what they hold through this team, at once.</p>}
      {act === 'delete' && (
        <p className="quiet">Its grants go with it. Its members stay what they are otherwise.</p>
      )}
    </ConfirmDialog>
  )
}

function useTeamChange({ name, etag }: Team) {
  const { client, name: organization, key } = useOrganization()
  const queries = useQueryClient()
  return useChange(async ({ wish, form }: { wish: TeamWish; form: FormData }) => {
    if (wish.act === 'remove') return client.call(RemoveTeamMembers, { name, members: [wish.member] })
    if (wish.act === 'update') {
      const request = { team: { name, etag, ...textsOf(form) }, updateMask: 'displayName,description' }
      return client.call(UpdateTeam, request)
    }
    if (wish.act === 'add') {
      const members = [await subjectOf(client, organization, String(form.get('member')))]
      return client.call(AddTeamMembers, { name, members })
    }
    await client.call(DeleteTeam, { name, etag })
    // It is not there to be read anew.
    queries.removeQueries({ queryKey: [...key, 'team', idOf(name)] })
  })
}

function titleOf(team: Team, wish: TeamWish | undefined): string {
  const name = team.displayName || idOf(team.name)
  if (wish?.act === 'remove') return `Remove ${wish.words} from ${name}?`
  if (wish?.act === 'delete') return `Delete the team ${name}?`
  return wish?.act === 'update' ? `Edit ${name}` : `Add a member to ${name}`
}
