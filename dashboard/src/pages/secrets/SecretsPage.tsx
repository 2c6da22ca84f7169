import type { Secret } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useSecrets } from '@/app/credentials'
import { useMayInWorkspace } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { FilterBar } from '@/ui/FilterBar'
import { Icon } from '@/ui/Icon'
import { LiveTable } from '@/ui/LiveTable'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { CreateDialog } from './CreateDialog'

const route = getRouteApi('/w/$workspace/secrets')
const EXAMPLES = [
  ['create_time > now()-"24h"', 'made in the last day'],
  ['create_time < now()-"2160h"', 'made more than 90 days ago'],
] as const
const COLUMNS: Column<Secret>[] = [
  {
    id: 'secret',
    label: 'Secret',
    width: 'minmax(180px, 1.4fr)',
    cell: (secret) => <SecretLink secret={secret} />,
  },
  {
    id: 'keys',
    label: 'Keys',
    width: 'minmax(140px, 1.4fr)',
    cell: ({ keys }) => <span className="mono quiet">{keys.join(', ')}</span>,
  },
  {
    id: 'description',
    label: 'What for',
    width: 'minmax(120px, 1.6fr)',
    cell: ({ description }) => (
      <span className="quiet" title={description}>
        {description}
      </span>
    ),
  },
  { id: 'scope', label: 'Who knows of it', width: '130px', cell: wordOfScope },
  {
    id: 'changed',
    label: 'Changed',
    width: '104px',
    cell: ({ updateTime, createTime }) => <Ago time={updateTime ?? createTime} />,
  },
]

export function wordOfScope({ scope }: Secret): string {
  return scope === 'SECRET_SCOPE_PRIVATE' ? 'You alone' : 'The workspace'
}

/** Named values that pipelines and connectors need: what they are called, and never what they are. */
export function SecretsPage() {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const may = useMayInWorkspace()
  const [isCreating, setCreating] = useState(false)
  useTitle('Secrets')
  const goTo = (secret: string) =>
    void navigate({ to: '/w/$workspace/secrets/$secret', params: (now) => ({ ...now, secret }) })
  const create = may('secrets.create') && (
    <Button kind="primary" onClick={() => setCreating(true)}>
      <Icon name="plus" /> Create a secret
    </Button>
  )
  return (
    <>
      <PageHead title="Secrets" actions={create}>
        <FilterBar
          what="secrets"
          query={q}
          onQuery={(query) => void navigate({ search: { q: query || undefined } })}
          hint={'create_time > now()-"24h"'}
          examples={EXAMPLES}
        />
      </PageHead>
      <List key={q} filter={q} onOpen={({ name }) => goTo(idOf(name))} />
      <CreateDialog isOpen={isCreating} onClose={() => setCreating(false)} onDone={goTo} />
    </>
  )
}

function List({ filter, onOpen }: { filter: string; onOpen: (secret: Secret) => void }) {
  const list = useSecrets(filter)
  return (
    <LiveTable
      label="Secrets"
      filter={filter}
      list={list}
      columns={COLUMNS}
      onOpen={onOpen}
      empty={
        <EmptyState icon="lock" title="No secrets yet" command="weft secrets create huggingface --key token">
          <p>Steps, components and connectors name a secret; its values stay in the workspace.</p>
        </EmptyState>
      }
    />
  )
}

function SecretLink({ secret: { name, displayName } }: { secret: Secret }) {
  const id = idOf(name)
  return (
    <Link from="/w/$workspace/secrets" to="/w/$workspace/secrets/$secret" params={{ secret: id }} data-row>
      <Named {...(displayName && { detail: id })}>{displayName || id}</Named>
    </Link>
  )
}
