import { CreateTeam, ListTeams, type Team } from '@contract/controlplane'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useCallback, useState } from 'react'
import { idOf } from '@/api/session'
import { useChange, useMayHere, useOrganization } from '@/app/organization'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { EmptyState } from '@/ui/EmptyState'
import { Field } from '@/ui/Field'
import { Icon } from '@/ui/Icon'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { TeamFields, textsOf } from './TeamFields'

const route = getRouteApi('/o/$organization/teams')
const keyOf = (team: Team) => team.name
const COLUMNS: Column<Team>[] = [
  { id: 'team', label: 'Team', width: 'minmax(200px, 1fr)', cell: (team) => <TeamLink team={team} /> },
  {
    id: 'description',
    label: 'What for',
    width: 'minmax(200px, 2fr)',
    cell: ({ description }) => <span className="quiet">{description}</span>,
  },
  { id: 'created', label: 'Created', width: '110px', cell: ({ createTime }) => <Ago time={createTime} /> },
]

/** The teams of the organization: what one holds, each of its members holds. */
export function TeamsPage() {
  const may = useMayHere()
  const navigate = route.useNavigate()
  const [isCreating, setCreating] = useState(false)
  const list = useTeams()
  useTitle('Teams')
  const create = may('teams.create') && (
    <Button kind="primary" onClick={() => setCreating(true)}>
      <Icon name="plus" /> Create a team
    </Button>
  )
  const goTo = (team: string) =>
    void navigate({ to: '/o/$organization/teams/$team', params: (now) => ({ ...now, team }) })
  return (
    <>
      <PageHead title="Teams" actions={create} />
      <PagedTable
        label="Teams"
        list={list}
        columns={COLUMNS}
        keyOf={keyOf}
        onOpen={({ name }) => goTo(idOf(name))}
        empty={
          <EmptyState icon="people" title="No teams yet" command='weft teams create oncall --name "On call"'>
            <p>What a team is granted, each of its members holds.</p>
          </EmptyState>
        }
      />
      <CreateDialog isOpen={isCreating} onClose={() => setCreating(false)} onCreated={goTo} />
    </>
  )
}

function TeamLink({ team }: { team: Team }) {
  const id = idOf(team.name)
  return (
    <Link from="/o/$organization/teams" to="/o/$organization/teams/$team" params={{ team: id }} data-row>
      <Named detail={team.displayName && id}>{team.displayName || id}</Named>
    </Link>
  )
}

function useTeams() {
  const { client, name, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const page = await client.call(ListTeams, { parent: name, pageSize: 500, pageToken }, { signal })
      return { items: page.teams, nextPageToken: page.nextPageToken }
    },
    [client, name],
  )
  return usePaged([...key, 'teams'], read)
}

type Props = { isOpen: boolean; onClose: () => void; onCreated: (id: string) => void }

function CreateDialog({ isOpen, onClose, onCreated }: Props) {
  const { client, name } = useOrganization()
  const create = useChange((form: FormData) =>
    client.call(CreateTeam, { parent: name, teamId: String(form.get('id')), team: textsOf(form) }),
  )

  function close() {
    create.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title="Create a team"
      verb="Create"
      onConfirm={(form) => create.mutate(form, { onSuccess: (team) => onCreated(idOf(team.name)) })}
      isBusy={create.isPending}
      error={create.error}
    >
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
      <TeamFields />
    </ConfirmDialog>
  )
}
