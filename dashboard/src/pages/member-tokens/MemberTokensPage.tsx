import { ListMemberTokens, type PersonalAccessToken, RevokeMemberToken } from '@contract/controlplane'
import { useCallback, useMemo, useState } from 'react'
import { useChange, useMayHere, useOrganization } from '@/app/organization'
import { useDirectory } from '@/app/subjects'
import { columnsOf } from '@/app/tokenColumns'
import { usePaged } from '@/app/usePaged'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { EmptyState } from '@/ui/EmptyState'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'

const keyOf = (token: PersonalAccessToken) => token.name

/** The access tokens of all members, for whoever must end one. */
export function MemberTokensPage() {
  const [leaving, setLeaving] = useState<PersonalAccessToken>()
  const list = useMemberTokens()
  const columns = useColumns(setLeaving)
  useTitle('Access tokens')
  return (
    <>
      <PageHead title="Access tokens">
        <p className="quiet">What scripts of members sign in with. Each makes their own in their account.</p>
      </PageHead>
      <PagedTable
        label="Access tokens"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={<EmptyState icon="key" title="No member has a token" command="weft tokens list --all" />}
      />
      <RevokeDialog token={leaving} onClose={() => setLeaving(undefined)} />
    </>
  )
}

function useMemberTokens() {
  const { client, name, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const request = { organization: name, pageSize: 500, pageToken }
      const page = await client.call(ListMemberTokens, request, { signal })
      return { items: page.personalAccessTokens, nextPageToken: page.nextPageToken }
    },
    [client, name],
  )
  return usePaged([...key, 'member-tokens'], read)
}

function useColumns(onRevoke: (token: PersonalAccessToken) => void): Column<PersonalAccessToken>[] {
  const { wordsOf } = useDirectory()
  const canRevoke = useMayHere()('personalAccessTokens.revoke')
  return useMemo(
    () => [
      {
        id: 'owner',
        label: 'Whose',
        width: 'minmax(180px, 1.2fr)',
        cell: ({ name }) => <Named>{wordsOf(ownerOf(name))}</Named>,
      },
      ...columnsOf(canRevoke ? onRevoke : undefined),
    ],
    [wordsOf, canRevoke, onRevoke],
  )
}

/** "users/<uuid>" of "users/<uuid>/personalAccessTokens/<uuid>". */
function ownerOf(token: string): string {
  return token.split('/').slice(0, 2).join('/')
}

function RevokeDialog({ token, onClose }: { token: PersonalAccessToken | undefined; onClose: () => void }) {
  const { client, name: organization } = useOrganization()
  const { wordsOf } = useDirectory()
  const revoke = useChange((name: string) => client.call(RevokeMemberToken, { organization, name }))

  function close() {
    revoke.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={!!token}
      onClose={close}
      title={token ? `Revoke ${token.displayName} of ${wordsOf(ownerOf(token.name))}?` : ''}
      verb="Revoke"
      isDangerous
      onConfirm={() => token && revoke.mutate(token.name, { onSuccess: close })}
      isBusy={revoke.isPending}
      error={revoke.error}
    >
      <p className="quiet">What uses it is shut out at once, in workspaces within five seconds.</p>
    </ConfirmDialog>
  )
}
