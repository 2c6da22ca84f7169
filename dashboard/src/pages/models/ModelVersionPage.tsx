import { type Model, type ModelVersion, UpdateModelVersion } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { RunIdLink } from '@/app/links'
import { useMay, useProject } from '@/app/project'
import { StageMark } from '@/app/stages'
import { Button } from '@/ui/Button'
import { Crumbs } from '@/ui/Crumbs'
import { EditDialog, type Said } from '@/ui/EditDialog'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Labels } from '@/ui/Labels'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { Details } from './Details'
import { MoveButton } from './MoveDialog'
import css from './models.module.css'
import { Pending } from './Pending'
import { useModel, useModelVersion } from './useModels'
import { Whoever } from './Whoever'

const route = getRouteApi('/w/$workspace/p/$project/models/$model/versions/$version')

/** One version of a model, by its number, its own name, or as "production". */
export function ModelVersionPage() {
  const { model: modelId, version: id } = route.useParams()
  const model = useModel(modelId)
  const version = useModelVersion(modelId, id)
  useTitle(`${modelId}@${id}`, 'Models')
  const error = (!model.data && model.error) || (!version.data && version.error)
  if (error)
    return <ErrorPage error={error} onRetry={() => Promise.all([model.refetch(), version.refetch()])} />
  if (!model.data || !version.data) return <p className={css.loading}>Reading the version …</p>
  return <Loaded model={model.data} version={version.data} />
}

function Loaded({ model, version }: { model: Model; version: ModelVersion }) {
  const params = route.useParams()
  return (
    <>
      <PageHead
        title={<Title version={version} />}
        actions={
          <>
            <MoveButton model={model} version={version} />
            <Edit version={version} />
          </>
        }
      >
        <Crumbs>
          <Link to="/w/$workspace/p/$project/models" params={params}>
            Models
          </Link>
          <Link to="/w/$workspace/p/$project/models/$model" params={params}>
            {params.model}
          </Link>
          <span className="mono">{version.number}</span>
        </Crumbs>
        {version.description && <p className={css.description}>{version.description}</p>}
        <Head version={version} />
        <Pending model={params.model} version={version.name} />
      </PageHead>
      <Details version={version} />
    </>
  )
}

function Title({ version }: { version: ModelVersion }) {
  const { model } = route.useParams()
  return (
    <span className={css.title}>
      <span className={css.titleText}>
        {model}@{version.number}
      </span>
      {version.versionId && <span className="quiet">{version.versionId}</span>}
      <StageMark stage={version.stage} />
    </span>
  )
}

function Head({ version }: { version: ModelVersion }) {
  return (
    <Facts>
      <Fact label="Made">
        <Ago time={version.createTime} />
      </Fact>
      <Fact label="Made by">
        {version.run ? <RunIdLink name={version.run} /> : <Whoever subject={version.creator} />}
      </Fact>
      <Fact label="Changed">
        <Ago time={version.updateTime ?? version.createTime} />
      </Fact>
      {Object.keys(version.labels).length > 0 && (
        <Fact label="Labels">
          <Labels labels={version.labels} />
        </Fact>
      )}
    </Facts>
  )
}

function Edit({ version: now }: { version: ModelVersion }) {
  const { client } = useProject()
  const may = useMay()
  const [isOpen, setOpen] = useState(false)
  const version = useWhenOpened(isOpen, now)
  if (!may('models.update')) return null
  const { name, etag, description, labels } = version
  const save = (said: Said) =>
    client.call(UpdateModelVersion, {
      modelVersion: { name, etag, description: said.description, labels: said.labels },
      updateMask: 'description,labels',
    })
  return (
    <>
      <Button onClick={() => setOpen(true)}>Edit</Button>
      <EditDialog
        title={`Edit version ${version.number}`}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        said={{ title: '', description, labels }}
        save={save}
      />
    </>
  )
}
