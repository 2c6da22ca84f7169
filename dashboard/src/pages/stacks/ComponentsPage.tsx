import type { Component } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useComponents } from '@/app/infrastructure'
import { ComponentLink, FlavorLink } from '@/app/infrastructureLinks'
import { useMayInWorkspace } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { FilterBar } from '@/ui/FilterBar'
import { Icon } from '@/ui/Icon'
import { Labels } from '@/ui/Labels'
import { LiveTable } from '@/ui/LiveTable'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { ComponentDialog } from './ComponentDialog'
import css from './stacks.module.css'
import { TypeWord } from './TypeWord'

const route = getRouteApi('/w/$workspace/components')
const EXAMPLES = [
  ['type = artifact_store', 'of a type'],
  ['flavor = s3-artifact-store', 'of a flavor'],
  ['display_name : prod', 'with a word in their name'],
] as const
const COLUMNS: Column<Component>[] = [
  {
    id: 'component',
    label: 'Component',
    width: 'minmax(180px, 1.6fr)',
    cell: ({ name, displayName }) => (
      <span className={css.name}>
        <ComponentLink name={name} label={displayName} isRow />
        {displayName && <span className={`cut mono ${css.id}`}>{idOf(name)}</span>}
      </span>
    ),
  },
  { id: 'type', label: 'Type', width: 'minmax(150px, 1fr)', cell: ({ type }) => <TypeWord type={type} /> },
  {
    id: 'flavor',
    label: 'Flavor',
    width: 'minmax(160px, 1.2fr)',
    cell: ({ flavor }) => (
      <span className={css.above}>
        <FlavorLink name={flavor} />
      </span>
    ),
  },
  {
    id: 'connector',
    label: 'Connector',
    width: 'minmax(100px, 1fr)',
    cell: ({ connector }) => <span className="quiet">{connector ? idOf(connector) : ''}</span>,
  },
  {
    id: 'labels',
    label: 'Labels',
    width: 'minmax(90px, 1fr)',
    cell: ({ labels }) => <Labels labels={labels} />,
  },
  {
    id: 'changed',
    label: 'Changed',
    width: '104px',
    cell: ({ updateTime, createTime }) => <Ago time={updateTime ?? createTime} />,
  },
]

/** The parts of stacks: buckets, registries, clusters, set up once. */
export function ComponentsPage() {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const may = useMayInWorkspace()
  const [isCreating, setCreating] = useState(false)
  useTitle('Components')
  const goTo = (component: string) =>
    void navigate({ to: '/w/$workspace/components/$component', params: (now) => ({ ...now, component }) })
  const create = may('components.create') && (
    <Button kind="primary" onClick={() => setCreating(true)}>
      <Icon name="plus" /> Create a component
    </Button>
  )
  return (
    <>
      <PageHead title="Components" actions={create}>
        <FilterBar
          what="components"
          query={q}
          onQuery={(query) => void navigate({ search: { q: query || undefined } })}
          hint="type = artifact_store"
          examples={EXAMPLES}
        />
      </PageHead>
      <List key={q} filter={q} onOpen={({ name }) => goTo(idOf(name))} />
      <ComponentDialog isOpen={isCreating} onClose={() => setCreating(false)} onDone={goTo} />
    </>
  )
}

function List({ filter, onOpen }: { filter: string; onOpen: (component: Component) => void }) {
  const list = useComponents(filter)
  return (
    <LiveTable
      label="Components"
      filter={filter}
      list={list}
      columns={COLUMNS}
      onOpen={onOpen}
      empty={
        <EmptyState
          icon="box"
          title="No components yet"
          command="weft components create store --flavor s3-artifact-store --set bucket=BUCKET"
        >
          <p>A component is one bucket, one registry, one cluster, set up for stacks to use.</p>
        </EmptyState>
      }
    />
  )
}
