import { type ArtifactVersion, UpdateArtifactVersion } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { StepLink } from '@/app/links'
import { ModelVersionLinks } from '@/app/ModelVersionLinks'
import { useMay, useProject } from '@/app/project'
import { useModelVersionsOf } from '@/app/useModelVersionsOf'
import { Button } from '@/ui/Button'
import { Crumbs } from '@/ui/Crumbs'
import { EditDialog, type Said } from '@/ui/EditDialog'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Labels } from '@/ui/Labels'
import { PageHead } from '@/ui/Page'
import { size } from '@/ui/sizes'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import views from '@/ui/views.module.css'
import { typeOf } from '../artifacts/VersionTable'
import { Details } from './Details'
import { Download } from './Download'
import { LineageView } from './lineage/LineageView'
import { Preview } from './preview/Preview'
import { useVersion } from './useVersion'
import css from './version.module.css'

const route = getRouteApi('/w/$workspace/p/$project/artifacts/$artifact/versions/$version')
const VIEWS = [
  [undefined, 'Preview'],
  ['details', 'Details'],
  ['lineage', 'Lineage'],
] as const

/** One version of an artifact, by its number or its alias. */
export function VersionPage() {
  const { artifact, version: id } = route.useParams()
  const version = useVersion(artifact, id)
  useTitle(`${artifact}@${id}`, 'Artifacts')
  if (version.error && !version.data)
    return <ErrorPage error={version.error} onRetry={() => version.refetch()} />
  if (!version.data) return <p className={css.loading}>Reading the version …</p>
  return <Loaded version={version.data} />
}

function Loaded({ version }: { version: ArtifactVersion }) {
  const { view } = route.useSearch()
  return (
    <>
      <PageHead
        title={<Title version={version} />}
        actions={
          <>
            <Download version={version} />
            <Edit version={version} />
          </>
        }
      >
        <Path version={version} />
        {version.description && <p className={css.description}>{version.description}</p>}
        <Head version={version} />
        <nav aria-label="Views of the version" className={views.views}>
          {VIEWS.map(([id, label]) => (
            <Link
              key={label}
              from={route.id}
              to="."
              search={{ view: id }}
              activeOptions={{ includeSearch: true, explicitUndefined: true }}
              aria-current={view === id ? 'page' : undefined}
            >
              {label}
            </Link>
          ))}
        </nav>
      </PageHead>
      <View version={version} />
    </>
  )
}

function View({ version }: { version: ArtifactVersion }) {
  const { view } = route.useSearch()
  if (view === 'details') return <Details version={version} />
  if (view === 'lineage') return <LineageView version={version} />
  return <Preview version={version} />
}

function Title({ version }: { version: ArtifactVersion }) {
  const { artifact } = route.useParams()
  return (
    <span className={css.title}>
      <span className={css.titleText}>
        {artifact}@{version.version}
      </span>
      {version.alias && <span className={css.alias}>{version.alias}</span>}
      {version.unsafe && (
        <span className={css.unsafe} title="It was written by pickle: whoever loads it runs its code.">
          Loading it runs code
        </span>
      )}
    </span>
  )
}

function Path({ version }: { version: ArtifactVersion }) {
  const params = route.useParams()
  return (
    <Crumbs>
      <Link to="/w/$workspace/p/$project/artifacts" params={params}>
        Artifacts
      </Link>
      <Link to="/w/$workspace/p/$project/artifacts/$artifact" params={params}>
        {params.artifact}
      </Link>
      <span className="mono">{version.version}</span>
    </Crumbs>
  )
}

function Head({ version }: { version: ArtifactVersion }) {
  const models = useModelVersionsOf(version.name)
  return (
    <Facts>
      <Fact label="Type">{typeOf(version)}</Fact>
      <Fact label="Format">{version.materializer}</Fact>
      <Fact label="Size">{size(version.sizeBytes)}</Fact>
      <Fact label="Made">
        <Ago time={version.createTime} />
      </Fact>
      <Fact label="Made by">
        {version.producerStep ? <StepLink name={version.producerStep} /> : 'No run'}
      </Fact>
      {models.length > 0 && (
        <Fact label="Models">
          <ModelVersionLinks names={models} />
        </Fact>
      )}
      {Object.keys(version.labels).length > 0 && (
        <Fact label="Labels">
          <Labels labels={version.labels} />
        </Fact>
      )}
    </Facts>
  )
}

function Edit({ version }: { version: ArtifactVersion }) {
  const { client } = useProject()
  const { artifact } = route.useParams()
  const may = useMay()
  const [isOpen, setOpen] = useState(false)
  if (!may('artifacts.update')) return null
  const { name, etag, alias, description, labels } = version
  const save = (said: Said) =>
    client.call(UpdateArtifactVersion, {
      artifactVersion: {
        name,
        etag,
        alias: said.title,
        description: said.description,
        labels: said.labels,
      },
      updateMask: 'alias,description,labels',
    })
  return (
    <>
      <Button onClick={() => setOpen(true)}>Edit</Button>
      <EditDialog
        title={`Edit ${artifact}@${version.version}`}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        said={{ title: alias, description, labels }}
        name={{ label: 'Alias', hint: 'Finds this version as well, such as gold.', maxLength: 63 }}
        save={save}
      />
    </>
  )
}
