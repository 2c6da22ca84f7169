import type { Stack } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useStacks } from '@/app/infrastructure'
import { StackLink } from '@/app/infrastructureLinks'
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
import { StackDialog } from './StackDialog'
import css from './stacks.module.css'

const route = getRouteApi('/w/$workspace/stacks')
const EXAMPLES = [
  ['workspace_default = true', 'the one that serves by default'],
  ['display_name : prod', 'with a word in their name'],
  ['create_time > now()-"24h"', 'made in the last day'],
] as const
const COLUMNS: Column<Stack>[] = [
  {
    id: 'stack',
    label: 'Stack',
    width: 'minmax(180px, 1.4fr)',
    cell: ({ name, displayName, workspaceDefault }) => (
      <span className={css.name}>
        <StackLink name={name} label={displayName} isRow />
        {displayName && <span className={`cut mono ${css.id}`}>{idOf(name)}</span>}
        {workspaceDefault && <span className={css.default}>Default</span>}
      </span>
    ),
  },
  {
    id: 'components',
    label: 'Components',
    width: 'minmax(220px, 2fr)',
    cell: ({ components, additionalComponents }) => (
      <span className="quiet">
        {[...Object.values(components), ...additionalComponents].map(idOf).join(', ') ||
          'The workspace itself'}
      </span>
    ),
  },
  {
    id: 'description',
    label: 'What for',
    width: 'minmax(120px, 1.4fr)',
    cell: ({ description }) => (
      <span className="quiet" title={description}>
        {description}
      </span>
    ),
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

/** What runs are executed with: put together once, shared by all projects. */
export function StacksPage() {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const may = useMayInWorkspace()
  const [isCreating, setCreating] = useState(false)
  useTitle('Stacks')
  const goTo = (stack: string) =>
    void navigate({ to: '/w/$workspace/stacks/$stack', params: (now) => ({ ...now, stack }) })
  const create = may('stacks.create') && (
    <Button kind="primary" onClick={() => setCreating(true)}>
      <Icon name="plus" /> Create a stack
    </Button>
  )
  return (
    <>
      <PageHead title="Stacks" actions={create}>
        <FilterBar
          what="stacks"
          query={q}
          onQuery={(query) => void navigate({ search: { q: query || undefined } })}
          hint="display_name : prod"
          examples={EXAMPLES}
        />
      </PageHead>
      <List key={q} filter={q} onOpen={({ name }) => goTo(idOf(name))} />
      <StackDialog isOpen={isCreating} onClose={() => setCreating(false)} onDone={goTo} />
    </>
  )
}

function List({ filter, onOpen }: { filter: string; onOpen: (stack: Stack) => void }) {
  const list = useStacks(filter)
  return (
    <LiveTable
      label="Stacks"
      filter={filter}
      list={list}
      columns={COLUMNS}
      onOpen={onOpen}
      empty={
        <EmptyState
          icon="stack"
          title="No stacks yet"
          command="weft stacks create prod -c COMPONENT --default"
        >
          <p>Until there is one, the workspace itself serves all runs.</p>
        </EmptyState>
      }
    />
  )
}
