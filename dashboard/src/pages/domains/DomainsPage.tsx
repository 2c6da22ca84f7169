import { ListTrustedDomains, type TrustedDomain } from '@contract/controlplane'
import { useCallback, useMemo, useState } from 'react'
import { useMayHere, useOrganization } from '@/app/organization'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { Mark } from '@/ui/Mark'
import { MenuItem } from '@/ui/Menu'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { RowMenu } from '@/ui/RowMenu'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { DomainDialogs, type DomainWish } from './DomainDialogs'

const keyOf = (domain: TrustedDomain) => domain.name
const isVerified = ({ state }: TrustedDomain) => state === 'TRUSTED_DOMAIN_STATE_VERIFIED'

/** The domains whose addresses say whose account is meant. */
export function DomainsPage() {
  const may = useMayHere()
  const [wish, setWish] = useState<DomainWish>()
  const list = useDomains()
  const columns = useMemo(() => columnsOf(setWish), [])
  useTitle('Domains')
  const add = may('trustedDomains.add') && (
    <Button kind="primary" onClick={() => setWish({ act: 'add' })}>
      <Icon name="plus" /> Claim a domain
    </Button>
  )
  return (
    <>
      <PageHead title="Domains" actions={add}>
        <p className="quiet">
          An address in a verified domain, which a provider has checked, is its owner's.
        </p>
      </PageHead>
      <PagedTable
        label="Domains"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={<EmptyState icon="mail" title="No domain is trusted" command="weft domains add example.com" />}
      />
      <DomainDialogs wish={wish} onWish={setWish} />
    </>
  )
}

function useDomains() {
  const { client, name, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const request = { parent: name, pageSize: 500, pageToken }
      const page = await client.call(ListTrustedDomains, request, { signal })
      return { items: page.trustedDomains, nextPageToken: page.nextPageToken }
    },
    [client, name],
  )
  return usePaged([...key, 'domains'], read)
}

function columnsOf(onWish: (wish: DomainWish) => void): Column<TrustedDomain>[] {
  return [
    {
      id: 'domain',
      label: 'Domain',
      width: 'minmax(220px, 2fr)',
      cell: ({ domain }) => <Named>{domain}</Named>,
    },
    { id: 'state', label: 'State', width: '140px', cell: (domain) => <State domain={domain} /> },
    { id: 'claimed', label: 'Claimed', width: '110px', cell: ({ createTime }) => <Ago time={createTime} /> },
    { id: 'found', label: 'Last found', width: '110px', cell: ({ verifyTime }) => <Ago time={verifyTime} /> },
    {
      id: 'actions',
      label: 'Actions',
      width: '52px',
      cell: (domain) => <Actions domain={domain} onWish={onWish} />,
    },
  ]
}

function State({ domain }: { domain: TrustedDomain }) {
  if (isVerified(domain)) return <Mark word="Verified" icon="check" tone="good" />
  return <Mark word="Claimed only" icon="hands" tone="warn" />
}

function Actions({ domain, onWish }: { domain: TrustedDomain; onWish: (wish: DomainWish) => void }) {
  const may = useMayHere()
  const canVerify = may('trustedDomains.verify')
  const canRemove = may('trustedDomains.remove')
  if (!canVerify && !canRemove) return null
  return (
    <RowMenu label={`What to do with ${domain.domain}`}>
      {canVerify && (
        <MenuItem onSelect={() => onWish({ act: 'verify', domain })}>
          {isVerified(domain) ? 'Verify again …' : 'Verify …'}
        </MenuItem>
      )}
      {canRemove && <MenuItem onSelect={() => onWish({ act: 'remove', domain })}>Trust no longer …</MenuItem>}
    </RowMenu>
  )
}
