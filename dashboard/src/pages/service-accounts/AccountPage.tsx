import { GetServiceAccount, type ServiceAccount } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMayHere, useOrganization } from '@/app/organization'
import { Button } from '@/ui/Button'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import table from '@/ui/table.module.css'
import { UpTitle } from '@/ui/UpTitle'
import { useTitle } from '@/ui/useTitle'
import views from '@/ui/views.module.css'
import { AccountDialogs, type AccountWish } from './AccountDialogs'
import { AccountState } from './AccountState'
import { Federation } from './Federation'
import { Keys } from './Keys'

const route = getRouteApi('/o/$organization/service-accounts/$account')

/** A service account: how it signs in. */
export function AccountPage() {
  const { account: id } = route.useParams()
  const { client, name, key } = useOrganization()
  const account = useQuery({
    queryKey: [...key, 'service-account', id],
    queryFn: ({ signal }) =>
      client.call(GetServiceAccount, { name: `${name}/serviceAccounts/${id}` }, { signal }),
  })
  useTitle(account.data?.displayName || id, 'Service accounts')
  if (account.error && !account.data) return <ErrorPage error={account.error} onRetry={account.refetch} />
  if (!account.data) return <p className={table.aside}>Reading …</p>
  return <Shown account={account.data} />
}

function Shown({ account }: { account: ServiceAccount }) {
  const { view } = route.useSearch()
  const [wish, setWish] = useState<AccountWish>()
  const up = (
    <Link from="/o/$organization/service-accounts/$account" to="/o/$organization/service-accounts">
      Service accounts
    </Link>
  )
  const title = <UpTitle up={up}>{account.displayName || idOf(account.name)}</UpTitle>
  return (
    <>
      <PageHead title={title} actions={<Actions account={account} onWish={setWish} />}>
        {account.description && <p className="quiet">{account.description}</p>}
        <About account={account} />
        <Views />
      </PageHead>
      <View view={view} account={account.name} />
      <AccountDialogs account={account} wish={wish} onClose={() => setWish(undefined)} />
    </>
  )
}

function View({ view, account }: { view: string | undefined; account: string }) {
  const may = useMayHere()
  if (view === 'federation') return <Federation account={account} />
  return may('apiKeys.list') ? <Keys account={account} /> : null
}

function About({ account }: { account: ServiceAccount }) {
  const may = useMayHere()
  const id = idOf(account.name)
  return (
    <Facts>
      <Fact label="State">
        <AccountState account={account} />
      </Fact>
      <Fact label="Made">
        <Ago time={account.createTime} />
      </Fact>
      <Fact label="Granted roles as">
        {may('roleBindings.list') ? (
          <Link
            from="/o/$organization/service-accounts/$account"
            to="/o/$organization/why"
            search={{ who: `sa:${id}` }}
            className="mono"
            title="What it may do, and why"
          >
            sa:{id}
          </Link>
        ) : (
          <span className="mono">sa:{id}</span>
        )}
      </Fact>
    </Facts>
  )
}

const VIEWS = [
  [undefined, 'Keys', 'apiKeys.list'],
  ['federation', 'Without a key', 'federatedCredentials.list'],
] as const

function Views() {
  const may = useMayHere()
  return (
    <nav aria-label="Ways to sign in" className={views.views}>
      {VIEWS.filter(([, , verb]) => may(verb)).map(([view, label]) => (
        <Link
          key={label}
          from={route.id}
          to="."
          search={{ view }}
          activeOptions={{ includeSearch: true, explicitUndefined: true }}
        >
          {label}
        </Link>
      ))}
    </nav>
  )
}

type ActionsProps = { account: ServiceAccount; onWish: (wish: AccountWish) => void }

function Actions({ account, onWish }: ActionsProps) {
  const may = useMayHere()
  return (
    <>
      {may('serviceAccounts.delete') && (
        <Button kind="danger" onClick={() => onWish('delete')}>
          Delete
        </Button>
      )}
      {!account.disableTime && may('serviceAccounts.disable') && (
        <Button onClick={() => onWish('disable')}>Disable</Button>
      )}
      {account.disableTime && may('serviceAccounts.enable') && (
        <Button onClick={() => onWish('enable')}>Enable</Button>
      )}
      {may('serviceAccounts.update') && <Button onClick={() => onWish('update')}>Edit</Button>}
    </>
  )
}
