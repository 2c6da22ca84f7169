import { type Event, GetSnapshot, type Snapshot } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { useMay, useProject } from '@/app/project'
import { useLiveItem } from '@/app/useLiveItem'
import { Crumbs } from '@/ui/Crumbs'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { RunForm } from './RunForm'
import css from './snapshot.module.css'

const route = getRouteApi('/w/$workspace/p/$project/snapshots/$snapshot')
const snapshotOf = (event: Event) => event.snapshot

/** A frozen pipeline, and the form that runs it. */
export function SnapshotPage() {
  const { snapshot: id } = route.useParams()
  const { client, name: project } = useProject()
  const name = `${project}/snapshots/${id}`
  const found = useLiveItem<Snapshot>(
    name,
    (signal) => client.call(GetSnapshot, { name }, { signal }),
    snapshotOf,
  )
  useTitle(found.data ? titleOf(found.data) : id, 'Snapshots')
  if (found.error && !found.data) return <ErrorPage error={found.error} onRetry={() => found.refetch()} />
  if (!found.data) return <p className={css.loading}>Reading the snapshot …</p>
  return <Loaded snapshot={found.data} />
}

function titleOf({ name, template, displayName }: Snapshot): string {
  return template || displayName || idOf(name)
}

function Loaded({ snapshot }: { snapshot: Snapshot }) {
  const params = route.useParams()
  const may = useMay()
  return (
    <>
      <PageHead title={<span className={css.title}>{titleOf(snapshot)}</span>}>
        <Crumbs>
          <Link to="/w/$workspace/p/$project/snapshots" params={params}>
            Snapshots
          </Link>
          <span className="mono">{idOf(snapshot.name)}</span>
        </Crumbs>
        {snapshot.description && <p className="quiet">{snapshot.description}</p>}
        <Facts>
          <Fact label="Pipeline">
            <Link
              to="/w/$workspace/p/$project/pipelines/$pipeline"
              params={{ ...params, pipeline: idOf(snapshot.pipeline) }}
            >
              {idOf(snapshot.pipeline)}
            </Link>
          </Fact>
          <Fact label="Template">{snapshot.template || '–'}</Fact>
          <Fact label="Steps">{snapshot.spec?.steps.length ?? 0}</Fact>
          <Fact label="Stack">{idOf(snapshot.stack) || 'The default'}</Fact>
          <Fact label="Made">
            <Ago time={snapshot.createTime} />
          </Fact>
        </Facts>
      </PageHead>
      {may('snapshots.run') && <RunForm key={snapshot.name} snapshot={snapshot} />}
      {may.isKnown && !may('snapshots.run') && (
        <p className={css.loading}>Who runs snapshots here needs the permission snapshots.run.</p>
      )}
    </>
  )
}
