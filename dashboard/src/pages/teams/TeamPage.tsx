import { GetTeam, ListTeamMembers, type Team, type TeamMember } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { idOf } from '@/api/session'
import { useMayHere, useOrganization } from '@/app/organization'
import { useDirectory } from '@/app/subjects'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { Icon } from '@/ui/Icon'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { Ago } from '@/ui/Time'
import css from '@/ui/table.module.css'
import { UpTitle } from '@/ui/UpTitle'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { TeamDialogs, type TeamWish } from './TeamDialogs'

const route = getRouteApi('/o/$organization/teams/$team')
const keyOf = (member: TeamMember) => member.name

/** A team: who is in it. */
export function TeamPage() {
  const { team: id } = route.useParams()
  const { client, name, key } = useOrganization()
  const team = useQuery({
    queryKey: [...key, 'team', id],
    queryFn: ({ signal }) => client.call(GetTeam, { name: `${name}/teams/${id}` }, { signal }),
  })
  useTitle(team.data?.displayName || id, 'Teams')
  if (team.error && !team.data) return <ErrorPage error={team.error} onRetry={team.refetch} />
  if (!team.data) return <p className={css.aside}>Reading …</p>
  return <Shown team={team.data} />
}

function Shown({ team }: { team: Team }) {
  const [wish, setWish] = useState<TeamWish>()
  const list = useTeamMembers(team.name)
  const columns = useColumns(setWish)
  return (
    <>
      <PageHead title={<Title team={team} />} actions={<Actions onWish={setWish} />}>
        <p className="quiet">{team.description}</p>
      </PageHead>
      <PagedTable
        label="Members of the team"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={
          <EmptyState
            icon="people"
            title="Nobody is in this team"
            command={`weft teams add ${idOf(team.name)} ada@example.com`}
          />
        }
      />
      <TeamDialogs team={team} wish={wish} onClose={() => setWish(undefined)} />
    </>
  )
}

function Title({ team }: { team: Team }) {
  const up = (
    <Link from="/o/$organization/teams/$team" to="/o/$organization/teams">
      Teams
    </Link>
  )
  return <UpTitle up={up}>{team.displayName || idOf(team.name)}</UpTitle>
}

function Actions({ onWish }: { onWish: (wish: TeamWish) => void }) {
  const may = useMayHere()
  return (
    <>
      {may('teams.delete') && (
        <Button kind="danger" onClick={() => onWish({ act: 'delete' })}>
          Delete
        </Button>
      )}
      {may('teams.update') && <Button onClick={() => onWish({ act: 'update' })}>Edit</Button>}
      {may('teamMembers.add') && (
        <Button kind="primary" onClick={() => onWish({ act: 'add' })}>
          <Icon name="plus" /> Add a member
        </Button>
      )}
    </>
  )
}

function useTeamMembers(parent: string) {
  const { client, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const page = await client.call(ListTeamMembers, { parent, pageSize: 500, pageToken }, { signal })
      return { items: page.teamMembers, nextPageToken: page.nextPageToken }
    },
    [client, parent],
  )
  return usePaged([...key, 'team-members', parent], read)
}

function useColumns(onWish: (wish: TeamWish) => void): Column<TeamMember>[] {
  const { wordsOf } = useDirectory()
  const may = useMayHere()
  const canRemove = may('teamMembers.remove')
  return useMemo(
    () => [
      {
        id: 'member',
        label: 'Member',
        width: 'minmax(220px, 2fr)',
        cell: ({ member }) => <Named>{wordsOf(member)}</Named>,
      },
      { id: 'added', label: 'Added', width: '110px', cell: ({ createTime }) => <Ago time={createTime} /> },
      {
        id: 'actions',
        label: 'Actions',
        width: '90px',
        cell: ({ member }) =>
          canRemove && (
            <Button
              kind="quiet"
              size="small"
              className={css.above}
              aria-label={`Remove ${wordsOf(member)}`}
              onClick={() => onWish({ act: 'remove', member, words: wordsOf(member) })}
            >
              Remove
            </Button>
          ),
      },
    ],
    [wordsOf, canRemove, onWish],
  )
}
