import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { idOf } from '@/api/session'
import { Button } from '@/ui/Button'
import { CopyButton } from '@/ui/CopyButton'
import { Crumbs } from '@/ui/Crumbs'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import { useTitle } from '@/ui/useTitle'
import views from '@/ui/views.module.css'
import { FEWEST, idsOf, MOST, namedBy } from './address'
import { CompareTable } from './CompareTable'
import css from './compare.module.css'
import { axesOf } from './parallel/axes'
import { ParallelCoordinates } from './parallel/ParallelCoordinates'
import { type Comparison, useComparison } from './useComparison'

const route = getRouteApi('/w/$workspace/p/$project/compare')

export function ComparePage() {
  const { runs } = route.useSearch()
  const ids = useMemo(() => idsOf(runs), [runs])
  useTitle(titleOf(ids))
  if (ids.length >= FEWEST && ids.length <= MOST) return <Compared ids={ids} />
  return (
    <>
      <PageHead title={titleOf(ids)}>
        <Path />
      </PageHead>
      {ids.length < FEWEST ? <TooFew /> : <TooMany ids={ids} />}
    </>
  )
}

function titleOf(ids: string[]): string {
  return ids.length < FEWEST ? 'Compare runs' : `Compare ${ids.length.toLocaleString()} runs`
}

function TooFew() {
  const params = route.useParams()
  return (
    <EmptyState icon="columns" title="Choose two runs at least" command="weft runs compare @prev @latest">
      <p>
        Select them in the list of{' '}
        <Link to="/w/$workspace/p/$project/runs" params={params} className={css.link}>
          runs
        </Link>
        , and compare.
      </p>
    </EmptyState>
  )
}

function TooMany({ ids }: { ids: string[] }) {
  const navigate = route.useNavigate()
  const first = namedBy(ids.slice(0, MOST))
  return (
    <EmptyState icon="columns" title={`At most ${MOST} runs are compared at once`}>
      <p>The address names {ids.length.toLocaleString()}.</p>
      <Button onClick={() => void navigate({ search: { runs: first }, replace: true })}>
        Compare the first {MOST}
      </Button>
    </EmptyState>
  )
}

function Compared({ ids }: { ids: string[] }) {
  const comparison = useComparison(ids)
  const { runs, error, isPending, retry } = comparison
  if (error && runs.every((run) => !run)) return <ErrorPage error={error} onRetry={retry} />
  if (isPending) return <p className={css.loading}>Reading {ids.length} runs …</p>
  return <Loaded ids={ids} comparison={comparison} />
}

function Loaded({ ids, comparison }: { ids: string[]; comparison: Comparison }) {
  const { runs, rows, error, isReading } = comparison
  const { base, view } = route.useSearch()
  const navigate = route.useNavigate()
  const axes = useMemo(() => axesOf(rows), [rows])
  const there = runs.flatMap((run) => (run ? [idOf(run.name)] : []))
  // A baseline that is not there would make everything differ.
  const baseline = ids.indexOf(base && there.includes(base) ? base : (there[0] ?? ''))
  const { isOnly, setOnly } = useOnly(ids.length)
  const shown = isOnly ? rows.filter(({ isSame }) => !isSame) : rows
  return (
    <>
      <PageHead
        title={titleOf(ids)}
        actions={
          <>
            <Only isOnly={isOnly} onOnly={setOnly} />
            {there.length >= FEWEST && <CopyButton text={commandOf(there)} label="Copy as a command" />}
          </>
        }
      >
        <Path />
        {error && <Note kind="bad" error={error} />}
        {isReading && <p role="status">Reading steps, code and artifacts …</p>}
        {axes.length > 1 && <Views />}
      </PageHead>
      {view === 'parallel' && axes.length > 1 ? (
        <ParallelCoordinates axes={axes} runs={runs} ids={ids} baseline={baseline} />
      ) : (
        <CompareTable
          ids={ids}
          runs={runs}
          rows={shown}
          baseline={baseline}
          onBaseline={(id) => void navigate({ search: (now) => ({ ...now, base: id }), replace: true })}
          onRemove={(id) =>
            void navigate({
              search: (now) => ({ ...now, runs: namedBy(ids.filter((each) => each !== id)) }),
            })
          }
        />
      )}
      {view !== 'parallel' && shown.length === 0 && !isReading && (
        <p className={css.none}>These runs do not differ in anything that is known of them.</p>
      )}
    </>
  )
}

/** What shows the same in a terminal; ids of runs that are there have no sign that a shell would heed. */
function commandOf(ids: string[]): string {
  return `weft runs compare ${ids.join(' ')}`
}

/** Whether only what differs is shown: of more than two runs, unless the address says otherwise. */
function useOnly(count: number) {
  const { show = count > FEWEST ? 'differences' : 'all' } = route.useSearch()
  const navigate = route.useNavigate()
  const setOnly = (isOnly: boolean) =>
    void navigate({
      search: (now) => ({ ...now, show: isOnly ? 'differences' : 'all' }),
      replace: true,
    })
  return { isOnly: show === 'differences', setOnly }
}

function Only({ isOnly, onOnly }: { isOnly: boolean; onOnly: (isOnly: boolean) => void }) {
  return (
    <label className={css.only}>
      <input type="checkbox" checked={isOnly} onChange={(event) => onOnly(event.target.checked)} />
      Only differences
    </label>
  )
}

function Path() {
  const params = route.useParams()
  return (
    <Crumbs>
      <Link to="/w/$workspace/p/$project/runs" params={params}>
        Runs
      </Link>
      <span>Compare</span>
    </Crumbs>
  )
}

const VIEWS = [
  [undefined, 'Table'],
  ['parallel', 'Parallel coordinates'],
] as const

function Views() {
  return (
    <nav aria-label="Views of the comparison" className={views.views}>
      {VIEWS.map(([id, label]) => (
        <Link
          key={label}
          from={route.id}
          to="."
          search={(now) => ({ ...now, view: id })}
          activeOptions={{ includeSearch: true, explicitUndefined: true }}
        >
          {label}
        </Link>
      ))}
    </nav>
  )
}
