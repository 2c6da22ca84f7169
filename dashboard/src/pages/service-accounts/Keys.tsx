import { type ApiKey, ListApiKeys } from '@contract/controlplane'
import { useCallback, useMemo, useState } from 'react'
import { idOf } from '@/api/session'
import { useMayHere, useOrganization } from '@/app/organization'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { CopyCommand } from '@/ui/CopyCommand'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { MenuItem } from '@/ui/Menu'
import { Named } from '@/ui/Named'
import { PagedTable } from '@/ui/PagedTable'
import { RowMenu } from '@/ui/RowMenu'
import { ShownOnce } from '@/ui/ShownOnce'
import { Ago, Ends } from '@/ui/Time'
import type { Column } from '@/ui/VirtualTable'
import css from './accounts.module.css'
import { KeyDialogs, type KeyWish } from './KeyDialogs'

// An account has no more of them: a third would be refused.
const MOST_LIVE = 2
const keyOf = (key: ApiKey) => key.name

/** The keys of an account: made, rotated and deleted; their secrets are shown once. */
export function Keys({ account }: { account: string }) {
  const may = useMayHere()
  const [wish, setWish] = useState<KeyWish>()
  const [secret, setSecret] = useState('')
  const list = useKeys(account)
  const columns = useColumns(setWish)
  const hasRoom = list.items.filter(isLive).length < MOST_LIVE
  return (
    <>
      <div className={css.bar}>
        <p className="quiet">
          Two live keys at most: make the second before the first ends, and nothing stops meanwhile.
        </p>
        {may('apiKeys.create') && hasRoom && (
          <Button kind="primary" onClick={() => setWish({ act: 'create' })}>
            <Icon name="plus" /> Create a key
          </Button>
        )}
      </div>
      <PagedTable
        label="Keys"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={
          <EmptyState
            icon="key"
            title="No keys yet"
            command={`weft service-accounts keys create ${idOf(account)}`}
          />
        }
      />
      <KeyDialogs
        account={account}
        hasRoom={hasRoom}
        wish={wish}
        onClose={() => setWish(undefined)}
        onSecret={setSecret}
      />
      <ShownOnce secret={secret} title="The key" onClose={() => setSecret('')}>
        <p className="quiet">Programs and the command line take it from their environment:</p>
        <CopyCommand command="WEFT_API_KEY=… weft runs list" />
      </ShownOnce>
    </>
  )
}

function isLive({ expireTime }: ApiKey): boolean {
  return !expireTime || Date.parse(expireTime) > Date.now()
}

function useKeys(parent: string) {
  const { client, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const page = await client.call(ListApiKeys, { parent, pageSize: 500, pageToken }, { signal })
      return { items: page.apiKeys, nextPageToken: page.nextPageToken }
    },
    [client, parent],
  )
  return usePaged([...key, 'api-keys', parent], read)
}

function useColumns(onWish: (wish: KeyWish) => void): Column<ApiKey>[] {
  return useMemo(
    () => [
      {
        id: 'key',
        label: 'Key',
        width: 'minmax(220px, 2fr)',
        cell: ({ displayName, prefix }) => (
          <Named detail={displayName && `${prefix}…`}>{displayName || `${prefix}…`}</Named>
        ),
      },
      { id: 'made', label: 'Made', width: '110px', cell: ({ createTime }) => <Ago time={createTime} /> },
      {
        id: 'used',
        label: 'Last used',
        width: '110px',
        cell: ({ lastUsedTime }) => <Ago time={lastUsedTime} />,
      },
      { id: 'ends', label: 'Ends', width: '130px', cell: ({ expireTime }) => <Ends time={expireTime} /> },
      {
        id: 'actions',
        label: 'Actions',
        width: '52px',
        cell: (key) => <Actions apiKey={key} onWish={onWish} />,
      },
    ],
    [onWish],
  )
}

function Actions({ apiKey, onWish }: { apiKey: ApiKey; onWish: (wish: KeyWish) => void }) {
  const may = useMayHere()
  const canRotate = may('apiKeys.rotate') && isLive(apiKey)
  const canDelete = may('apiKeys.delete')
  if (!canRotate && !canDelete) return null
  return (
    <RowMenu label={`What to do with the key ${apiKey.displayName || apiKey.prefix}`}>
      {canRotate && <MenuItem onSelect={() => onWish({ act: 'rotate', key: apiKey })}>Rotate …</MenuItem>}
      {canDelete && <MenuItem onSelect={() => onWish({ act: 'delete', key: apiKey })}>Delete …</MenuItem>}
    </RowMenu>
  )
}
