import { type IdentityProvider, ListIdentityProviders } from '@contract/controlplane'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useCallback, useState } from 'react'
import { idOf } from '@/api/session'
import { useMayHere, useOrganization } from '@/app/organization'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { ProviderDialog } from './ProviderDialog'
import { JOINS, KINDS, ProviderState } from './words'

const route = getRouteApi('/o/$organization/identity-providers')
const keyOf = (provider: IdentityProvider) => provider.name
const COLUMNS: Column<IdentityProvider>[] = [
  {
    id: 'provider',
    label: 'Provider',
    width: 'minmax(180px, 1.2fr)',
    cell: (provider) => <ProviderLink provider={provider} />,
  },
  { id: 'kind', label: 'Speaks', width: '130px', cell: ({ kind }) => KINDS[kind] },
  {
    id: 'issuer',
    label: 'Issuer',
    width: 'minmax(200px, 1.5fr)',
    cell: ({ issuer }) => (
      <span className="mono" title={issuer}>
        {issuer}
      </span>
    ),
  },
  {
    id: 'join',
    label: 'Who comes in',
    width: 'minmax(170px, 1.3fr)',
    cell: ({ joinPolicy }) => <span title={JOINS[joinPolicy]}>{JOINS[joinPolicy]}</span>,
  },
  { id: 'state', label: 'State', width: '110px', cell: (provider) => <ProviderState provider={provider} /> },
]

/** Who vouches for people here. */
export function ProvidersPage() {
  const may = useMayHere()
  const navigate = route.useNavigate()
  const [isAdding, setAdding] = useState(false)
  const list = useProviders()
  useTitle('Identity providers')
  const goTo = (provider: string) =>
    void navigate({
      to: '/o/$organization/identity-providers/$provider',
      params: (now) => ({ ...now, provider }),
    })
  const add = may('identityProviders.create') && (
    <Button kind="primary" onClick={() => setAdding(true)}>
      <Icon name="plus" /> Add a provider
    </Button>
  )
  return (
    <>
      <PageHead title="Identity providers" actions={add} />
      <PagedTable
        label="Identity providers"
        list={list}
        columns={COLUMNS}
        keyOf={keyOf}
        onOpen={({ name }) => goTo(idOf(name))}
        empty={
          <EmptyState
            icon="shield"
            title="People sign in with passwords alone"
            command="weft identity-providers create okta --issuer https://idp.example.com --client-id weft"
          >
            <p>With a provider they sign in as they do everywhere else: no password here to lose.</p>
          </EmptyState>
        }
      />
      <ProviderDialog isOpen={isAdding} onClose={() => setAdding(false)} onDone={goTo} />
    </>
  )
}

function useProviders() {
  const { client, name, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const request = { parent: name, pageSize: 500, pageToken }
      const page = await client.call(ListIdentityProviders, request, { signal })
      return { items: page.identityProviders, nextPageToken: page.nextPageToken }
    },
    [client, name],
  )
  return usePaged([...key, 'identity-providers'], read)
}

function ProviderLink({ provider: { name, displayName } }: { provider: IdentityProvider }) {
  const id = idOf(name)
  return (
    <Link
      from="/o/$organization/identity-providers"
      to="/o/$organization/identity-providers/$provider"
      params={{ provider: id }}
      data-row
    >
      <Named detail={displayName && id}>{displayName || id}</Named>
    </Link>
  )
}
