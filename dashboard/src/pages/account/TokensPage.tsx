import {
  DeletePersonalAccessToken,
  ListPersonalAccessTokens,
  type PersonalAccessToken,
} from '@contract/controlplane'
import { useCallback, useMemo, useState } from 'react'
import { columnsOf } from '@/app/tokenColumns'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { CopyCommand } from '@/ui/CopyCommand'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { ShownOnce } from '@/ui/ShownOnce'
import { useTitle } from '@/ui/useTitle'
import { client, ME, useAccountChange, useAccountKey } from './account'
import { TokenDialog } from './TokenDialog'

const keyOf = (token: PersonalAccessToken) => token.name

/** The secrets with which one's scripts sign in. */
export function TokensPage() {
  const [isCreating, setCreating] = useState(false)
  const [secret, setSecret] = useState('')
  const [leaving, setLeaving] = useState<PersonalAccessToken>()
  const list = useTokens()
  const columns = useMemo(() => columnsOf(setLeaving), [])
  useTitle('Access tokens')
  const create = (
    <Button kind="primary" onClick={() => setCreating(true)}>
      <Icon name="plus" /> Create a token
    </Button>
  )
  return (
    <>
      <PageHead title="Access tokens" actions={create}>
        <p className="quiet">With one, a script is you, or as much of you as you let it be.</p>
      </PageHead>
      <PagedTable
        label="Access tokens"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={
          <EmptyState icon="key" title="No tokens yet" command="weft tokens create nightly --expires 30d" />
        }
      />
      <TokenDialog isOpen={isCreating} onClose={() => setCreating(false)} onSecret={setSecret} />
      <ShownOnce secret={secret} title="Your token" onClose={() => setSecret('')}>
        <p className="quiet">Scripts and the command line take it from their environment:</p>
        <CopyCommand command="WEFT_TOKEN=… weft runs list" />
      </ShownOnce>
      <RevokeDialog token={leaving} onClose={() => setLeaving(undefined)} />
    </>
  )
}

function useTokens() {
  const key = useAccountKey()
  const read = useCallback(async (pageToken: string, signal: AbortSignal) => {
    const request = { parent: ME, pageSize: 500, pageToken }
    const page = await client.call(ListPersonalAccessTokens, request, { signal })
    return { items: page.personalAccessTokens, nextPageToken: page.nextPageToken }
  }, [])
  return usePaged([...key, 'tokens'], read)
}

type Props = { token: PersonalAccessToken | undefined; onClose: () => void }

function RevokeDialog({ token, onClose }: Props) {
  const remove = useAccountChange((name: string) => client.call(DeletePersonalAccessToken, { name }))

  function close() {
    remove.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={!!token}
      onClose={close}
      title={`Revoke ${token?.displayName}?`}
      verb="Revoke"
      isDangerous
      onConfirm={() => token && remove.mutate(token.name, { onSuccess: close })}
      isBusy={remove.isPending}
      error={remove.error}
    >
      <p className="quiet">What uses it is shut out at once, in workspaces within five seconds.</p>
    </ConfirmDialog>
  )
}
