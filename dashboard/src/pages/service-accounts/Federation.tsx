import { type FederatedCredential, ListFederatedCredentials } from '@contract/controlplane'
import { useCallback, useMemo, useState } from 'react'
import { idOf } from '@/api/session'
import { useMayHere, useOrganization } from '@/app/organization'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { Named } from '@/ui/Named'
import { PagedTable } from '@/ui/PagedTable'
import { Ago } from '@/ui/Time'
import table from '@/ui/table.module.css'
import type { Column } from '@/ui/VirtualTable'
import css from './accounts.module.css'
import { type CredentialWish, FederationDialog } from './FederationDialog'

const keyOf = (credential: FederatedCredential) => credential.name

/** Whose tokens count for the account: CI jobs and pods that hold no secret of ours. */
export function Federation({ account }: { account: string }) {
  const may = useMayHere()
  const [wish, setWish] = useState<CredentialWish>()
  const list = useCredentials(account)
  const columns = useColumns(setWish)
  return (
    <>
      <div className={css.bar}>
        <p className="quiet">Tokens of these issuers, for these subjects, sign in as the account.</p>
        {may('federatedCredentials.create') && (
          <Button kind="primary" onClick={() => setWish('create')}>
            <Icon name="plus" /> Trust an issuer
          </Button>
        )}
      </div>
      <PagedTable
        label="Federated credentials"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={
          <EmptyState
            icon="shield"
            title="Only keys open this account"
            command={`weft service-accounts federation create ${idOf(account)} github --issuer https://token.actions.githubusercontent.com --audience weft --subject repo:acme/model:ref:refs/heads/main`}
          />
        }
      />
      <FederationDialog account={account} wish={wish} onClose={() => setWish(undefined)} />
    </>
  )
}

function useCredentials(parent: string) {
  const { client, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const request = { parent, pageSize: 500, pageToken }
      const page = await client.call(ListFederatedCredentials, request, { signal })
      return { items: page.federatedCredentials, nextPageToken: page.nextPageToken }
    },
    [client, parent],
  )
  return usePaged([...key, 'federated-credentials', parent], read)
}

function useColumns(onWish: (wish: CredentialWish) => void): Column<FederatedCredential>[] {
  const canDelete = useMayHere()('federatedCredentials.delete')
  return useMemo(
    () => [
      {
        id: 'id',
        label: 'Rule',
        width: 'minmax(130px, 1fr)',
        cell: ({ name, displayName }) => (
          <Named detail={displayName && idOf(name)}>{displayName || idOf(name)}</Named>
        ),
      },
      {
        id: 'issuer',
        label: 'Issuer',
        width: 'minmax(200px, 1.5fr)',
        cell: ({ issuer }) => <Code text={issuer} />,
      },
      {
        id: 'subject',
        label: 'Subject',
        width: 'minmax(200px, 1.5fr)',
        cell: (credential) => <Code text={[credential.subject, ...conditionsOf(credential)].join(', ')} />,
      },
      {
        id: 'used',
        label: 'Last used',
        width: '96px',
        cell: ({ lastUsedTime }) => <Ago time={lastUsedTime} />,
      },
      {
        id: 'actions',
        label: 'Actions',
        width: '80px',
        cell: (credential) =>
          canDelete && (
            <Button
              kind="quiet"
              size="small"
              className={table.above}
              aria-label={`Remove ${idOf(credential.name)}`}
              onClick={() => onWish(credential)}
            >
              Remove
            </Button>
          ),
      },
    ],
    [canDelete, onWish],
  )
}

function conditionsOf({ conditions }: FederatedCredential): string[] {
  return conditions.map(({ claim, value }) => `${claim}=${value}`)
}

function Code({ text }: { text: string }) {
  return (
    <span className="mono" title={text}>
      {text}
    </span>
  )
}
