import type { Pipeline, Run } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { idOf } from '@/api/session'
import { EmptyState } from '@/ui/EmptyState'
import { FilterBar } from '@/ui/FilterBar'
import { Labels } from '@/ui/Labels'
import { ListState } from '@/ui/ListState'
import { Named } from '@/ui/Named'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import { StateMark } from '@/ui/StateMark'
import { Ago, Took } from '@/ui/Time'
import table from '@/ui/table.module.css'
import { useTitle } from '@/ui/useTitle'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import { LastRuns } from './LastRuns'
import css from './pipelines.module.css'
import { useLatestRuns, usePipelines } from './usePipelines'

const route = getRouteApi('/w/$workspace/p/$project/pipelines')
const EXAMPLES = [
  ['id:train', 'with a word in their id'],
  ['display_name:Nightly', 'with a word in their name'],
  ['labels.team = vision', 'with a label'],
  ['create_time > now()-"7d"', 'that are new'],
] as const

/** The pipelines of the project, and how each last went. */
export function PipelinesPage() {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  useTitle('Pipelines')
  return (
    <>
      <PageHead title="Pipelines">
        <FilterBar
          what="pipelines"
          query={q}
          onQuery={(query) => void navigate({ search: { q: query || undefined } })}
          hint="id:train"
          examples={EXAMPLES}
        />
      </PageHead>
      <Pipelines key={q} filter={q} />
    </>
  )
}

/** A pipeline with its newest runs, newest first; they come a moment later. */
type Row = { pipeline: Pipeline; runs: Run[] | undefined }

const COLUMNS: Column<Row>[] = [
  {
    id: 'pipeline',
    label: 'Pipeline',
    width: 'minmax(180px, 1.4fr)',
    cell: ({ pipeline }) => <PipelineLink pipeline={pipeline} />,
  },
  {
    id: 'last',
    label: 'Last runs',
    width: '244px',
    cell: ({ runs }) => (
      <span className={table.above}>
        <LastRuns runs={runs ?? []} />
      </span>
    ),
  },
  {
    id: 'latest',
    label: 'Latest',
    width: '116px',
    cell: ({ runs }) => <Latest runs={runs} />,
  },
  {
    id: 'started',
    label: 'Started',
    width: '96px',
    cell: ({ runs }) => <Ago time={runs?.[0]?.createTime} />,
  },
  {
    id: 'took',
    label: 'Took',
    width: '84px',
    cell: ({ runs }) => <Took start={runs?.[0]?.startTime} end={runs?.[0]?.endTime} />,
  },
  {
    id: 'description',
    label: 'What it is for',
    width: 'minmax(120px, 1.6fr)',
    cell: ({ pipeline: { description } }) => (
      <span className="quiet" title={description}>
        {description}
      </span>
    ),
  },
  {
    id: 'labels',
    label: 'Labels',
    width: 'minmax(100px, 1fr)',
    cell: ({ pipeline: { labels } }) => <Labels labels={labels} />,
  },
]

function Latest({ runs }: { runs: Run[] | undefined }) {
  if (!runs) return null
  const [latest] = runs
  return latest ? <StateMark state={latest.state} /> : <span className="quiet">No run</span>
}

function Pipelines({ filter }: { filter: string }) {
  const list = usePipelines(filter)
  const latest = useLatestRuns(list.items)
  const navigate = route.useNavigate()
  const rows = useMemo(
    () => list.items.map((pipeline) => ({ pipeline, runs: latest.runs.get(pipeline.name) })),
    [list.items, latest.runs],
  )
  return (
    <ListState what="pipelines" filter={filter} list={list} empty={<NoPipelines />}>
      {latest.error && (
        <div className={css.refusal}>
          <Note kind="bad" error={latest.error} />
        </div>
      )}
      <VirtualTable
        label="Pipelines"
        items={rows}
        columns={COLUMNS}
        keyOf={({ pipeline }) => pipeline.name}
        onOpen={({ pipeline }) =>
          void navigate({
            to: '/w/$workspace/p/$project/pipelines/$pipeline',
            params: (now) => ({ ...now, pipeline: idOf(pipeline.name) }),
          })
        }
        more={list.more}
      />
    </ListState>
  )
}

function NoPipelines() {
  return (
    <EmptyState icon="flow" title="No pipelines yet" command="weft run train.py">
      <p>The first run of a pipeline makes it.</p>
    </EmptyState>
  )
}

function PipelineLink({ pipeline }: { pipeline: Pipeline }) {
  const params = route.useParams()
  const id = idOf(pipeline.name)
  return (
    <Named detail={pipeline.displayName && id}>
      <Link
        to="/w/$workspace/p/$project/pipelines/$pipeline"
        params={{ ...params, pipeline: id }}
        data-row=""
      >
        {pipeline.displayName || id}
      </Link>
    </Named>
  )
}
