import { DeletePipeline, type Pipeline, type Run, UpdatePipeline } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { DeleteButton } from '@/app/DeleteButton'
import { useMay, useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { Crumbs } from '@/ui/Crumbs'
import { EditDialog, type Said } from '@/ui/EditDialog'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Labels } from '@/ui/Labels'
import { ListState } from '@/ui/ListState'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { type More, VirtualTable } from '@/ui/VirtualTable'
import { COLUMNS } from '../runs/columns'
import { useRuns } from '../runs/useRuns'
import { Durations } from './Durations'
import css from './pipelines.module.css'
import { usePipeline } from './usePipelines'

const route = getRouteApi('/w/$workspace/p/$project/pipelines/$pipeline')
const RUN_COLUMNS = COLUMNS.filter(({ id }) => id !== 'pipeline' && id !== 'stack' && id !== 'snapshot')
const BARS = 30

/** One pipeline: what it is for, how long its runs took, and each of them. */
export function PipelinePage() {
  const { pipeline: id } = route.useParams()
  const pipeline = usePipeline(id)
  useTitle(pipeline.data?.displayName || id, 'Pipelines')
  if (pipeline.error && !pipeline.data)
    return <ErrorPage error={pipeline.error} onRetry={() => pipeline.refetch()} />
  if (!pipeline.data) return <p className={css.loading}>Reading the pipeline …</p>
  return <Loaded key={id} pipeline={pipeline.data} />
}

function Loaded({ pipeline }: { pipeline: Pipeline }) {
  const params = route.useParams()
  const filter = `pipeline = ${params.pipeline}`
  const { runs, ...list } = useRuns(filter)
  return (
    <>
      <PageHead
        title={<span className={css.title}>{pipeline.displayName || params.pipeline}</span>}
        actions={
          <>
            <Edit pipeline={pipeline} />
            {list.data && runs.length === 0 && <Delete pipeline={pipeline} />}
          </>
        }
      >
        <Crumbs>
          <Link to="/w/$workspace/p/$project/pipelines" params={params}>
            Pipelines
          </Link>
          <span className="mono">{params.pipeline}</span>
        </Crumbs>
        {pipeline.description && <p className={css.description}>{pipeline.description}</p>}
        <Head pipeline={pipeline} />
        {runs.length > 0 && <Durations runs={runs.slice(0, BARS)} />}
      </PageHead>
      <ListState what="runs" filter="" list={{ ...list, items: runs }} empty={<NoRuns />}>
        <Runs runs={runs} more={list.more} />
      </ListState>
    </>
  )
}

function Runs({ runs, more }: { runs: Run[]; more: More }) {
  const navigate = route.useNavigate()
  return (
    <VirtualTable
      label="Runs"
      items={runs}
      columns={RUN_COLUMNS}
      keyOf={({ name }) => name}
      onOpen={({ name }) =>
        void navigate({
          to: '/w/$workspace/p/$project/runs/$run',
          params: ({ workspace = '', project = '' }) => ({ workspace, project, run: idOf(name) }),
        })
      }
      more={more}
    />
  )
}

function NoRuns() {
  return (
    <EmptyState icon="runs" title="No runs" command="weft run train.py">
      <p>Its runs were deleted, or archived.</p>
    </EmptyState>
  )
}

function Head({ pipeline: { labels, createTime } }: { pipeline: Pipeline }) {
  const params = route.useParams()
  const search = { q: `pipeline = ${params.pipeline}` }
  return (
    <Facts>
      <Fact label="Its runs">
        <Link to="/w/$workspace/p/$project/runs" params={params} search={search}>
          Filter, stop, label
        </Link>
      </Fact>
      <Fact label="Its snapshots">
        <Link to="/w/$workspace/p/$project/snapshots" params={params} search={search}>
          Run one
        </Link>
      </Fact>
      <Fact label="Made">
        <Ago time={createTime} />
      </Fact>
      {Object.keys(labels).length > 0 && (
        <Fact label="Labels">
          <Labels labels={labels} />
        </Fact>
      )}
    </Facts>
  )
}

function Edit({ pipeline: now }: { pipeline: Pipeline }) {
  const { client } = useProject()
  const may = useMay()
  const [isOpen, setOpen] = useState(false)
  const pipeline = useWhenOpened(isOpen, now)
  if (!may('pipelines.update')) return null
  const save = ({ title, description, labels }: Said) =>
    client.call(UpdatePipeline, {
      pipeline: { name: pipeline.name, etag: pipeline.etag, displayName: title, description, labels },
      updateMask: 'displayName,description,labels',
    })
  return (
    <>
      <Button onClick={() => setOpen(true)}>Edit</Button>
      <EditDialog
        title={`Edit ${idOf(pipeline.name)}`}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        said={{ title: pipeline.displayName, description: pipeline.description, labels: pipeline.labels }}
        name={{ label: 'Name', hint: 'What people read; its id never changes.', maxLength: 128 }}
        save={save}
      />
    </>
  )
}

/** Only of what has no runs: any other is refused. */
function Delete({ pipeline: { name, etag } }: { pipeline: Pipeline }) {
  const { client } = useProject()
  const may = useMay()
  const navigate = route.useNavigate()
  if (!may('pipelines.delete')) return null
  return (
    <DeleteButton
      noun="pipeline"
      name={name}
      remove={() => client.call(DeletePipeline, { name, etag })}
      onDone={() => void navigate({ to: '/w/$workspace/p/$project/pipelines', params: (now) => now })}
    >
      It has no runs. One that still has snapshots or builds is refused.
    </DeleteButton>
  )
}
