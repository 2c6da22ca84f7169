import type { ServiceConnector } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useConnectors } from '@/app/credentials'
import { ConnectorLink } from '@/app/infrastructureLinks'
import { useMayInWorkspace } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { FilterBar } from '@/ui/FilterBar'
import { Icon } from '@/ui/Icon'
import { LiveTable } from '@/ui/LiveTable'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { ConnectorDialog } from './ConnectorDialog'
import css from './connectors.module.css'

const route = getRouteApi('/w/$workspace/connectors')
const EXAMPLES = [
  ['type = aws', 'of a type'],
  ['display_name : data', 'with a word in their name'],
] as const
const COLUMNS: Column<ServiceConnector>[] = [
  {
    id: 'connector',
    label: 'Connector',
    width: 'minmax(180px, 1.4fr)',
    cell: ({ name, displayName }) => (
      <span className={css.name}>
        <ConnectorLink name={name} label={displayName} isRow />
        {displayName && <span className={`cut mono ${css.id}`}>{idOf(name)}</span>}
      </span>
    ),
  },
  { id: 'type', label: 'Type', width: '110px', cell: ({ type }) => idOf(type) },
  {
    id: 'method',
    label: 'Signs in by',
    width: 'minmax(120px, 1fr)',
    cell: ({ authMethod }) => <span className="quiet">{authMethod}</span>,
  },
  {
    id: 'for',
    label: 'Good for',
    width: 'minmax(160px, 1.6fr)',
    cell: ({ resourceTypes, resourceId }) => (
      <span className="quiet">
        {[resourceTypes.join(', ') || 'all it can', resourceId].filter(Boolean).join(': ')}
      </span>
    ),
  },
  {
    id: 'changed',
    label: 'Changed',
    width: '104px',
    cell: ({ updateTime, createTime }) => <Ago time={updateTime ?? createTime} />,
  },
]

/** How the workspace signs in to clouds, clusters and registries. */
export function ConnectorsPage() {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const may = useMayInWorkspace()
  const [isCreating, setCreating] = useState(false)
  useTitle('Connectors')
  const goTo = (connector: string) =>
    void navigate({ to: '/w/$workspace/connectors/$connector', params: (now) => ({ ...now, connector }) })
  const create = may('connectors.create') && (
    <Button kind="primary" onClick={() => setCreating(true)}>
      <Icon name="plus" /> Create a connector
    </Button>
  )
  return (
    <>
      <PageHead title="Connectors" actions={create}>
        <FilterBar
          what="connectors"
          query={q}
          onQuery={(query) => void navigate({ search: { q: query || undefined } })}
          hint="type = aws"
          examples={EXAMPLES}
        />
      </PageHead>
      <List key={q} filter={q} onOpen={({ name }) => goTo(idOf(name))} />
      <ConnectorDialog isOpen={isCreating} onClose={() => setCreating(false)} onDone={goTo} />
    </>
  )
}

function List({ filter, onOpen }: { filter: string; onOpen: (connector: ServiceConnector) => void }) {
  const list = useConnectors(filter)
  return (
    <LiveTable
      label="Connectors"
      filter={filter}
      list={list}
      columns={COLUMNS}
      onOpen={onOpen}
      empty={
        <EmptyState
          icon="plug"
          title="No connectors yet"
          command="weft connectors create data --type aws --auth assume-role"
        >
          <p>
            The long-lived credentials stay in the workspace; runs get short-lived ones, for one resource.
          </p>
        </EmptyState>
      }
    />
  )
}
