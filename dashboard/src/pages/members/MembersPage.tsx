import { ListMembers, type Member } from '@contract/controlplane'
import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { useMayHere, useOrganization } from '@/app/organization'
import { useSession } from '@/app/SessionGate'
import { usePaged } from '@/app/usePaged'
import { EmptyState } from '@/ui/EmptyState'
import { Mark } from '@/ui/Mark'
import { MenuItem } from '@/ui/Menu'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { RowMenu } from '@/ui/RowMenu'
import { SearchField } from '@/ui/SearchField'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { MemberDialog, type MemberWish } from './MemberDialog'
import { MEMBER_ACTIONS, nameOf } from './memberActions'

const route = getRouteApi('/o/$organization/members')
const keyOf = (member: Member) => member.name

/** Who belongs to the organization, and the ways out of it. */
export function MembersPage() {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const [wish, setWish] = useState<MemberWish>()
  const list = useMembers(q)
  const columns = useColumns(setWish)
  useTitle('Members')
  return (
    <>
      <PageHead title="Members">
        <SearchField
          label="Find by address"
          value={q}
          onSearch={(text) => void navigate({ search: { q: text || undefined } })}
        />
      </PageHead>
      <PagedTable
        label="Members"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={<EmptyState icon="search" title="No member has such an address" />}
      />
      <MemberDialog wish={wish} onClose={() => setWish(undefined)} />
    </>
  )
}

function useMembers(text: string) {
  const { client, name, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const filter = text && `email:${JSON.stringify(text.toLowerCase())}`
      const request = { parent: name, pageSize: 500, pageToken, filter }
      const page = await client.call(ListMembers, request, { signal })
      return { items: page.members, nextPageToken: page.nextPageToken }
    },
    [client, name, text],
  )
  return usePaged([...key, 'members', text], read)
}

function useColumns(onWish: (wish: MemberWish) => void): Column<Member>[] {
  const { user } = useSession()
  return useMemo(
    () => [
      {
        id: 'person',
        label: 'Person',
        width: 'minmax(220px, 2fr)',
        cell: (member) => (
          <Named detail={member.displayName && member.email}>
            {nameOf(member)}
            {member.user === user.name && ' (you)'}
          </Named>
        ),
      },
      { id: 'state', label: 'Account', width: '140px', cell: (member) => <Account member={member} /> },
      { id: 'joined', label: 'Joined', width: '110px', cell: (member) => <Ago time={member.createTime} /> },
      {
        id: 'actions',
        label: 'Actions',
        width: '52px',
        cell: (member) => member.user !== user.name && <Actions member={member} onWish={onWish} />,
      },
    ],
    [user.name, onWish],
  )
}

function Account({ member }: { member: Member }) {
  if (member.state === 'MEMBER_STATE_DEACTIVATED')
    return <Mark word="Deactivated" icon="square" tone="mute" />
  return <Mark word="Active" icon="check" tone="good" />
}

function Actions({ member, onWish }: { member: Member; onWish: (wish: MemberWish) => void }) {
  const may = useMayHere()
  const offered = MEMBER_ACTIONS.filter(({ verb, isFor }) => may(verb) && isFor(member))
  if (offered.length === 0) return null
  return (
    <RowMenu label={`What to do with ${nameOf(member)}`}>
      {offered.map((action) => (
        <MenuItem key={action.label} onSelect={() => onWish({ action, member })}>
          {action.label} …
        </MenuItem>
      ))}
    </RowMenu>
  )
}
