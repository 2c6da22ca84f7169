import { type Invitation, ListInvitations } from '@contract/controlplane'
import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { useMayHere, useOrganization } from '@/app/organization'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { SearchField } from '@/ui/SearchField'
import { useTitle } from '@/ui/useTitle'
import { columnsOf } from './columns'
import { Handover } from './Handover'
import { InvitationDialog, type InvitationWish } from './InvitationDialog'
import { InviteDialog } from './InviteDialog'

const route = getRouteApi('/o/$organization/invitations')
const keyOf = (invitation: Invitation) => invitation.name

/** Who was invited, what waits for them, and the way to let others in. */
export function InvitationsPage() {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const may = useMayHere()
  const [isInviting, setInviting] = useState(false)
  const [wish, setWish] = useState<InvitationWish>()
  const [token, setToken] = useState('')
  const list = useInvitations(q)
  const columns = useMemo(() => columnsOf(setWish), [])
  useTitle('Invitations')
  const invite = may('invitations.create') && (
    <Button kind="primary" onClick={() => setInviting(true)}>
      <Icon name="plus" /> Invite
    </Button>
  )
  return (
    <>
      <PageHead title="Invitations" actions={invite}>
        <SearchField
          label="Find by address"
          value={q}
          onSearch={(text) => void navigate({ search: { q: text || undefined } })}
        />
      </PageHead>
      <PagedTable
        label="Invitations"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={<Nobody isFiltered={!!q} />}
      />
      <InviteDialog isOpen={isInviting} onClose={() => setInviting(false)} onToken={setToken} />
      <InvitationDialog wish={wish} onClose={() => setWish(undefined)} onToken={setToken} />
      <Handover token={token} onClose={() => setToken('')} />
    </>
  )
}

function useInvitations(text: string) {
  const { client, name, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const filter = text && `email:${JSON.stringify(text.toLowerCase())}`
      const request = { parent: name, pageSize: 500, pageToken, filter }
      const page = await client.call(ListInvitations, request, { signal })
      return { items: page.invitations, nextPageToken: page.nextPageToken }
    },
    [client, name, text],
  )
  return usePaged([...key, 'invitations', text], read)
}

function Nobody({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <EmptyState icon="search" title="Nobody of such an address was invited" />
  return (
    <EmptyState
      icon="mail"
      title="Nobody is invited"
      command="weft invitations create ada@example.com --role viewer"
    >
      <p>An invitation is a link that you hand over yourself; it works once.</p>
    </EmptyState>
  )
}
