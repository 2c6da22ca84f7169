import { CreateServiceAccount, ListServiceAccounts, type ServiceAccount } from '@contract/controlplane'
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
import { AccountFields, textsOf } from './AccountFields'
import { AccountState } from './AccountState'

const route = getRouteApi('/o/$organization/service-accounts')
const keyOf = (account: ServiceAccount) => account.name
const COLUMNS: Column<ServiceAccount>[] = [
  {
    id: 'account',
    label: 'Account',
    width: 'minmax(200px, 1fr)',
    cell: (account) => <AccountLink account={account} />,
  },
  {
    id: 'description',
    label: 'What for',
    width: 'minmax(220px, 2fr)',
    cell: ({ description }) => <span className="quiet">{description}</span>,
  },
  { id: 'state', label: 'State', width: '120px', cell: (account) => <AccountState account={account} /> },
  { id: 'made', label: 'Made', width: '110px', cell: ({ createTime }) => <Ago time={createTime} /> },
]

/** Programs with roles of their own. */
export function ServiceAccountsPage() {
  const may = useMayHere()
  const navigate = route.useNavigate()
  const [isCreating, setCreating] = useState(false)
  const list = useServiceAccounts()
  useTitle('Service accounts')
  const goTo = (account: string) =>
    void navigate({
      to: '/o/$organization/service-accounts/$account',
      params: (now) => ({ ...now, account }),
    })
  const create = may('serviceAccounts.create') && (
    <Button kind="primary" onClick={() => setCreating(true)}>
      <Icon name="plus" /> Create an account
    </Button>
  )
  return (
    <>
      <PageHead title="Service accounts" actions={create} />
      <PagedTable
        label="Service accounts"
        list={list}
        columns={COLUMNS}
        keyOf={keyOf}
        onOpen={({ name }) => goTo(idOf(name))}
        empty={
          <EmptyState icon="robot" title="No service accounts yet" command="weft service-accounts create ci">
            <p>CI jobs and other programs sign in as one, with a key or by what vouches for them.</p>
          </EmptyState>
        }
      />
      <CreateDialog isOpen={isCreating} onClose={() => setCreating(false)} onDone={goTo} />
    </>
  )
}

function useServiceAccounts() {
  const { client, name, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const request = { parent: name, pageSize: 500, pageToken }
      const page = await client.call(ListServiceAccounts, request, { signal })
      return { items: page.serviceAccounts, nextPageToken: page.nextPageToken }
    },
    [client, name],
  )
  return usePaged([...key, 'service-account-list'], read)
}

function AccountLink({ account: { name, displayName } }: { account: ServiceAccount }) {
  const id = idOf(name)
  return (
    <Link
      from="/o/$organization/service-accounts"
      to="/o/$organization/service-accounts/$account"
      params={{ account: id }}
      data-row
    >
      <Named detail={displayName && id}>{displayName || id}</Named>
    </Link>
  )
}

type DialogProps = { isOpen: boolean; onClose: () => void; onDone: (id: string) => void }

function CreateDialog({ isOpen, onClose, onDone }: DialogProps) {
  const { client, name: parent } = useOrganization()
  const create = useChange((form: FormData) => {
    const serviceAccountId = String(form.get('id'))
    return client.call(CreateServiceAccount, { parent, serviceAccountId, serviceAccount: textsOf(form) })
  })

  function close() {
    create.reset()
    onClose()
  }
  function done({ name }: ServiceAccount) {
    close()
    onDone(idOf(name))
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title="Create a service account"
      verb="Create"
      onConfirm={(form) => create.mutate(form, { onSuccess: done })}
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
      <AccountFields />
    </ConfirmDialog>
  )
}
