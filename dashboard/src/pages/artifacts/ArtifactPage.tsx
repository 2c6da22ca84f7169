import { type Artifact, UpdateArtifact } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMay, useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { Crumbs } from '@/ui/Crumbs'
import { EditDialog, type Said } from '@/ui/EditDialog'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { FilterBar } from '@/ui/FilterBar'
import { Labels } from '@/ui/Labels'
import { ListState } from '@/ui/ListState'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import css from './artifacts.module.css'
import { useArtifact, useVersions } from './useArtifacts'
import { VERSION_EXAMPLES, VersionTable } from './VersionTable'

const route = getRouteApi('/w/$workspace/p/$project/artifacts/$artifact')

/** One artifact: what is said of it, and its versions. */
export function ArtifactPage() {
  const { artifact: id } = route.useParams()
  const artifact = useArtifact(id)
  useTitle(artifact.data?.displayName || id, 'Artifacts')
  if (artifact.error && !artifact.data)
    return <ErrorPage error={artifact.error} onRetry={() => artifact.refetch()} />
  if (!artifact.data) return <p className={css.loading}>Reading the artifact …</p>
  return <Loaded artifact={artifact.data} />
}

function Loaded({ artifact }: { artifact: Artifact }) {
  const { q = '' } = route.useSearch()
  const { workspace, project } = route.useParams()
  const navigate = route.useNavigate()
  const id = idOf(artifact.name)
  return (
    <>
      <PageHead title={artifact.displayName || id} actions={<Edit artifact={artifact} />}>
        <Crumbs>
          <Link to="/w/$workspace/p/$project/artifacts" params={{ workspace, project }}>
            Artifacts
          </Link>
          <span className="mono">{id}</span>
        </Crumbs>
        {artifact.description && <p className={css.description}>{artifact.description}</p>}
        <Facts>
          <Fact label="Newest version">{artifact.latestVersion || 'All deleted'}</Fact>
          <Fact label="First made">
            <Ago time={artifact.createTime} />
          </Fact>
          <Fact label="Changed">
            <Ago time={artifact.updateTime ?? artifact.createTime} />
          </Fact>
          {Object.keys(artifact.labels).length > 0 && (
            <Fact label="Labels">
              <Labels labels={artifact.labels} />
            </Fact>
          )}
          {Object.entries(artifact.metadata).map(([key, value]) => (
            <Fact key={key} label={key}>
              <span className="mono">{JSON.stringify(value)}</span>
            </Fact>
          ))}
        </Facts>
        <FilterBar
          what="versions"
          query={q}
          onQuery={(query) => void navigate({ search: { q: query || undefined } })}
          hint="alias = gold"
          examples={VERSION_EXAMPLES}
        />
      </PageHead>
      <Versions key={q} id={id} filter={q} />
    </>
  )
}

function Versions({ id, filter }: { id: string; filter: string }) {
  const list = useVersions(id, filter)
  const none = <EmptyState icon="box" title="All versions were deleted" command="weft run train.py" />
  return (
    <ListState what="versions" filter={filter} list={list} empty={none}>
      <VersionTable list={list} />
    </ListState>
  )
}

function Edit({ artifact }: { artifact: Artifact }) {
  const { client } = useProject()
  const may = useMay()
  const [isOpen, setOpen] = useState(false)
  if (!may('artifacts.update')) return null
  const save = ({ title, description, labels }: Said) =>
    client.call(UpdateArtifact, {
      artifact: { name: artifact.name, etag: artifact.etag, displayName: title, description, labels },
      updateMask: 'displayName,description,labels',
    })
  return (
    <>
      <Button onClick={() => setOpen(true)}>Edit</Button>
      <EditDialog
        title={`Edit ${idOf(artifact.name)}`}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        said={{ title: artifact.displayName, description: artifact.description, labels: artifact.labels }}
        name={{ label: 'Name', hint: 'What people read; its id never changes.', maxLength: 128 }}
        save={save}
      />
    </>
  )
}
