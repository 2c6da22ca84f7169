import { GetIdentityProvider, type IdentityProvider } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMayHere, useOrganization } from '@/app/organization'
import { Button } from '@/ui/Button'
import { CopyCommand } from '@/ui/CopyCommand'
import { ErrorPage } from '@/ui/ErrorPage'
import { Labels } from '@/ui/Labels'
import { PageHead } from '@/ui/Page'
import table from '@/ui/table.module.css'
import { exact } from '@/ui/times'
import { UpTitle } from '@/ui/UpTitle'
import { useTitle } from '@/ui/useTitle'
import { Values } from '@/ui/Values'
import { Checks } from './Checks'
import { ProviderActs, type ProviderWish } from './ProviderActs'
import { ProviderDialog } from './ProviderDialog'
import css from './providers.module.css'
import { JOINS, KINDS, ProviderState } from './words'

const route = getRouteApi('/o/$organization/identity-providers/$provider')

/** One identity provider: what it is asked, whom it lets in, and whether it works. */
export function ProviderPage() {
  const { provider: id } = route.useParams()
  const { client, name, key } = useOrganization()
  const provider = useQuery({
    queryKey: [...key, 'identity-provider', id],
    queryFn: ({ signal }) =>
      client.call(GetIdentityProvider, { name: `${name}/identityProviders/${id}` }, { signal }),
  })
  useTitle(provider.data?.displayName || id, 'Identity providers')
  if (provider.error && !provider.data) return <ErrorPage error={provider.error} onRetry={provider.refetch} />
  if (!provider.data) return <p className={table.aside}>Reading …</p>
  return <Shown provider={provider.data} />
}

function Shown({ provider }: { provider: IdentityProvider }) {
  const may = useMayHere()
  const [wish, setWish] = useState<ProviderWish | 'edit'>()
  const up = (
    <Link from="/o/$organization/identity-providers/$provider" to="/o/$organization/identity-providers">
      Identity providers
    </Link>
  )
  const title = <UpTitle up={up}>{provider.displayName || idOf(provider.name)}</UpTitle>
  return (
    <>
      <PageHead title={title} actions={<Actions provider={provider} onWish={setWish} />}>
        <ProviderState provider={provider} />
      </PageHead>
      <div className={css.body}>
        {may('identityProviders.test') && <Checks provider={provider.name} />}
        <section>
          <h2>To register there</h2>
          <p className="quiet">The place to return to, letter by letter:</p>
          <CopyCommand command={provider.redirectUri} />
        </section>
        <section>
          <h2>What it is asked</h2>
          <Values values={clientOf(provider)} />
        </section>
        <section>
          <h2>Whom it lets in</h2>
          <Values values={peopleOf(provider)} />
        </section>
      </div>
      <ProviderDialog
        isOpen={wish === 'edit'}
        onClose={() => setWish(undefined)}
        onDone={() => undefined}
        provider={provider}
      />
      <ProviderActs
        provider={provider}
        wish={wish === 'edit' ? undefined : wish}
        onClose={() => setWish(undefined)}
      />
    </>
  )
}

type ActionsProps = { provider: IdentityProvider; onWish: (wish: ProviderWish | 'edit') => void }

function Actions({ provider, onWish }: ActionsProps) {
  const may = useMayHere()
  const canUpdate = may('identityProviders.update')
  return (
    <>
      {may('identityProviders.delete') && (
        <Button kind="danger" onClick={() => onWish('delete')}>
          Delete
        </Button>
      )}
      {canUpdate && !provider.disabled && <Button onClick={() => onWish('disable')}>Disable</Button>}
      {canUpdate && provider.disabled && <Button onClick={() => onWish('enable')}>Enable</Button>}
      {canUpdate && <Button onClick={() => onWish('edit')}>Edit</Button>}
    </>
  )
}

function clientOf({ kind, issuer, clientId, scopes, createTime }: IdentityProvider) {
  return {
    Speaks: KINDS[kind],
    Issuer: <span className="mono">{issuer}</span>,
    'Client id': <span className="mono">{clientId}</span>,
    'Client secret': <span className="quiet">never shown</span>,
    Scopes: <span className="mono">{scopes.join(' ') || 'the usual ones'}</span>,
    Added: createTime && exact(createTime),
  }
}

function peopleOf({ joinPolicy, groupsClaim, allowedGroups, groupMappings }: IdentityProvider) {
  return {
    'Who comes in': JOINS[joinPolicy],
    'Groups from': groupsClaim && <span className="mono">{groupsClaim}</span>,
    'Only of groups':
      allowedGroups.length > 0 ? (
        <Labels labels={Object.fromEntries(allowedGroups.map((group) => [group, '']))} />
      ) : undefined,
    ...Object.fromEntries(
      [...new Set(groupMappings.map(({ group }) => group))].map((group) => [
        `Group ${group}`,
        <TeamLinks
          key={group}
          teams={groupMappings.filter((each) => each.group === group).map(({ team }) => team)}
        />,
      ]),
    ),
  }
}

/** The teams that a group is let into. */
function TeamLinks({ teams }: { teams: string[] }) {
  return teams.map((team) => (
    <Link
      key={team}
      from="/o/$organization/identity-providers/$provider"
      to="/o/$organization/teams/$team"
      params={{ team: idOf(team) }}
      className={css.link}
    >
      team {idOf(team)}{' '}
    </Link>
  ))
}
