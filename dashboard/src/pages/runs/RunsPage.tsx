import type { Run } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { idOf } from '@/api/session'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { FilterBar } from '@/ui/FilterBar'
import { Icon } from '@/ui/Icon'
import { Menu, MenuCheck } from '@/ui/Menu'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import { useTitle } from '@/ui/useTitle'
import { VirtualTable } from '@/ui/VirtualTable'
import { BulkBar } from './BulkBar'
import { COLUMNS, columnsIn, keepColumns, keptColumns } from './columns'
import css from './runs.module.css'
import { StateTabs } from './StateTabs'
import { useRuns } from './useRuns'
import { ViewsMenu } from './ViewsMenu'
import { type Look, OLDEST_FIRST, orderOf } from './views'

const route = getRouteApi('/w/$workspace/p/$project/runs')

const EXAMPLES = [
  ['pipeline = train', 'of a pipeline'],
  ['create_time > now()-"24h"', 'of the last day'],
  ['trigger = SCHEDULE', 'of schedules'],
  ['labels.team = vision', 'with a label'],
  ['metadata.accuracy > 0.9', 'by what they measured'],
  ['NOT state = SUCCEEDED', 'that did not succeed'],
] as const

export function RunsPage() {
  const look = route.useSearch()
  const { q = '' } = look
  const order = orderOf(look.order)
  const navigate = route.useNavigate()
  const [kept, setKept] = useState(keptColumns)
  // Those of a view, or of a link, come before the browser's own; whoever chooses others keeps them.
  const columns = useMemo(() => (look.columns ? columnsIn(look.columns) : kept), [look.columns, kept])
  useTitle('Runs')

  const setLook = (search: Look) => void navigate({ search })
  const setQuery = (query: string) => void navigate({ search: (now) => ({ ...now, q: query || undefined }) })
  function chooseColumns(ids: string[]) {
    setKept(ids)
    keepColumns(ids)
    setLook({ ...look, columns: undefined })
  }
  const actions = (
    <>
      <ViewsMenu look={look} columns={columns} onLook={setLook} />
      <ColumnPicker columns={columns} onChoose={chooseColumns} />
    </>
  )

  return (
    <>
      <PageHead title="Runs" actions={actions}>
        <StateTabs query={q} onQuery={setQuery} />
        <FilterBar
          what="runs"
          query={q}
          onQuery={setQuery}
          hint="state = FAILED pipeline = train"
          examples={EXAMPLES}
        />
      </PageHead>
      <RunList
        key={`${order} ${q}`}
        query={q}
        order={order}
        columns={columns}
        onTurn={() => setLook({ ...look, order: order ? undefined : OLDEST_FIRST })}
      />
    </>
  )
}

const nameOf = (run: Run) => run.name
const titleOf = (run: Run) => run.displayName || idOf(run.name)

type ListProps = { query: string; order: string; columns: string[]; onTurn: () => void }

function RunList({ query, order, columns, onTurn }: ListProps) {
  const { runs, error, isPending, more, refetch } = useRuns(query, order)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const navigate = route.useNavigate()
  const chosen = useMemo(() => runs.filter((run) => selected.has(run.name)), [runs, selected])
  const toggle = useCallback(({ name }: Run) => {
    setSelected((before) => {
      const after = new Set(before)
      if (!after.delete(name)) after.add(name)
      return after
    })
  }, [])
  const shown = useMemo(() => COLUMNS.filter(({ id }) => columns.includes(id)), [columns])

  if (error && runs.length === 0) return <Refused query={query} error={error} onRetry={refetch} />
  if (isPending) return <p className={css.loading}>Reading runs …</p>
  if (runs.length === 0) return <NoRuns isFiltered={!!query} />
  return (
    <>
      {chosen.length > 0 && <BulkBar runs={chosen} onClear={() => setSelected(new Set())} />}
      <VirtualTable
        label="Runs"
        items={runs}
        columns={shown}
        keyOf={nameOf}
        nameOf={titleOf}
        isSelected={({ name }) => selected.has(name)}
        onToggle={toggle}
        onOpen={({ name }) =>
          void navigate({
            to: '/w/$workspace/p/$project/runs/$run',
            params: (now) => ({ ...now, run: idOf(name) }),
          })
        }
        more={more}
        order={{ column: 'created', isAscending: !!order, onTurn }}
      />
    </>
  )
}

/** A filter that the server refuses is explained where it was written; all else is a page that failed. */
function Refused({ query, error, onRetry }: { query: string; error: Error; onRetry: () => unknown }) {
  if (!query) return <ErrorPage error={error} onRetry={onRetry} />
  return (
    <div className={css.refusal}>
      <Note kind="bad" error={error} />
    </div>
  )
}

function NoRuns({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <EmptyState icon="search" title="No run matches this filter" />
  return (
    <EmptyState icon="runs" title="No runs yet" command="weft run train.py">
      <p>Run a pipeline, and watch it here. To get one to begin with: weft init hello.</p>
    </EmptyState>
  )
}

function ColumnPicker({ columns, onChoose }: { columns: string[]; onChoose: (ids: string[]) => void }) {
  const trigger = (
    <Button size="small">
      <Icon name="columns" /> Columns
    </Button>
  )
  return (
    <Menu align="end" trigger={trigger}>
      {COLUMNS.filter(({ isFixed }) => !isFixed).map(({ id, label }) => (
        <MenuCheck
          key={id}
          isChecked={columns.includes(id)}
          onCheck={(isChecked) =>
            onChoose(isChecked ? [...columns, id] : columns.filter((each) => each !== id))
          }
        >
          {label}
        </MenuCheck>
      ))}
    </Menu>
  )
}
