import type { Snapshot } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { FilterBar } from '@/ui/FilterBar'
import { Labels } from '@/ui/Labels'
import { Named } from '@/ui/Named'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import views from '@/ui/views.module.css'
import css from './snapshots.module.css'
import { useSnapshots } from './useSnapshots'

const route = getRouteApi('/w/$workspace/p/$project/snapshots')
const EXAMPLES = [
  ['pipeline = train', 'of a pipeline'],
  ['create_time > now()-"24h"', 'of the last day'],
  ['labels.team = vision', 'with a label'],
] as const

/** Pipelines that anybody may run as they were frozen: those with a name for it, or all. */
export function SnapshotsPage() {
  const { q = '', view } = route.useSearch()
  const navigate = route.useNavigate()
  useTitle('Snapshots')
  return (
    <>
      <PageHead title="Snapshots">
        <FilterBar
          what="snapshots"
          query={q}
          onQuery={(query) => void navigate({ search: (now) => ({ ...now, q: query || undefined }) })}
          hint="pipeline = train"
          examples={EXAMPLES}
        />
        <nav aria-label="Views of the snapshots" className={views.views}>
          <View label="All" />
          <View id="templates" label="Templates" />
        </nav>
      </PageHead>
      <SnapshotList key={`${view} ${q}`} query={q} areTemplates={view === 'templates'} />
    </>
  )
}

function View({ id, label }: { id?: string; label: string }) {
  return (
    <Link
      from={route.id}
      to="."
      search={(now) => ({ ...now, view: id })}
      activeOptions={{ includeSearch: true, explicitUndefined: true }}
    >
      {label}
    </Link>
  )
}

const COLUMNS: Column<Snapshot>[] = [
  {
    id: 'snapshot',
    label: 'Snapshot',
    width: 'minmax(200px, 2fr)',
    cell: (snapshot) => <SnapshotLink snapshot={snapshot} />,
  },
  { id: 'pipeline', label: 'Pipeline', width: 'minmax(110px, 1fr)', cell: ({ pipeline }) => idOf(pipeline) },
  {
    id: 'stack',
    label: 'Stack',
    width: '120px',
    cell: ({ stack }) => (stack ? idOf(stack) : <span className="quiet">Default</span>),
  },
  {
    id: 'labels',
    label: 'Labels',
    width: 'minmax(100px, 1fr)',
    cell: ({ labels }) => <Labels labels={labels} />,
  },
  { id: 'made', label: 'Made', width: '104px', cell: ({ createTime }) => <Ago time={createTime} /> },
]

/** By what people call it: its name as a template before the one that it was given. */
function SnapshotLink({ snapshot }: { snapshot: Snapshot }) {
  const params = route.useParams()
  const id = idOf(snapshot.name)
  const title = snapshot.template || snapshot.displayName || id
  return (
    <Named detail={title === id ? '' : id}>
      <Link
        to="/w/$workspace/p/$project/snapshots/$snapshot"
        params={{ ...params, snapshot: id }}
        data-row=""
      >
        {title}
      </Link>
    </Named>
  )
}

function SnapshotList({ query, areTemplates }: { query: string; areTemplates: boolean }) {
  const parts = [query && `(${query})`, areTemplates && 'template:*'].filter(Boolean)
  const list = useSnapshots(parts.join(' AND '))
  const navigate = route.useNavigate()
  if (list.items.length === 0) return <NoSnapshots list={list} query={query} areTemplates={areTemplates} />
  return (
    <VirtualTable
      label="Snapshots"
      items={list.items}
      columns={COLUMNS}
      keyOf={({ name }) => name}
      onOpen={({ name }) =>
        void navigate({
          to: '/w/$workspace/p/$project/snapshots/$snapshot',
          params: (now) => ({ ...now, snapshot: idOf(name) }),
          search: {},
        })
      }
      more={list.more}
    />
  )
}

type None = { list: ReturnType<typeof useSnapshots>; query: string; areTemplates: boolean }

/** Why there is no list: it is read, it failed, its filter is refused, or nothing is there. */
function NoSnapshots({ list, query, areTemplates }: None) {
  if (list.error && !query) return <ErrorPage error={list.error} onRetry={list.refetch} />
  if (list.error)
    return (
      <div className={css.refusal}>
        <Note kind="bad" error={list.error} />
      </div>
    )
  if (list.isPending) return <p className={css.loading}>Reading snapshots …</p>
  if (query) return <EmptyState icon="search" title="No snapshot matches this filter" />
  if (areTemplates)
    return (
      <EmptyState icon="layers" title="No templates yet" command="weft snapshots publish SNAPSHOT nightly">
        <p>A snapshot that is published under a name is found by it, and run by whoever may.</p>
      </EmptyState>
    )
  return (
    <EmptyState icon="layers" title="No snapshots yet" command="weft run train.py">
      <p>Every run of a pipeline keeps one: its code, graph and parameters, to be run again from here.</p>
    </EmptyState>
  )
}
