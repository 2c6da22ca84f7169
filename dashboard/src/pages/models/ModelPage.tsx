import { type Model, UpdateModel } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { ModelVersionLink } from '@/app/links'
import { useMay, useProject } from '@/app/project'
import { stageInWords } from '@/app/stages'
import { Button } from '@/ui/Button'
import { Crumbs } from '@/ui/Crumbs'
import { EditDialog, type Said } from '@/ui/EditDialog'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { FilterBar } from '@/ui/FilterBar'
import { Labels } from '@/ui/Labels'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { useWhenOpened } from '@/ui/useWhenOpened'
import views from '@/ui/views.module.css'
import { GuardButton } from './GuardButton'
import { History } from './History'
import css from './models.module.css'
import { Pending } from './Pending'
import { REQUEST_EXAMPLES, Requests } from './Requests'
import { useModel } from './useModels'
import { VERSION_EXAMPLES, Versions } from './Versions'

const route = getRouteApi('/w/$workspace/p/$project/models/$model')
const VIEWS = [
  [undefined, 'Versions'],
  ['requests', 'Requests'],
  ['history', 'History'],
] as const
const FILTERS = {
  versions: { hint: 'stage = STAGING', examples: VERSION_EXAMPLES },
  requests: { hint: 'state = PENDING', examples: REQUEST_EXAMPLES },
}

/** One model: what of it is in use, its versions, and what was and is to be done with them. */
export function ModelPage() {
  const { model: id } = route.useParams()
  const model = useModel(id)
  useTitle(model.data?.displayName || id, 'Models')
  if (model.error && !model.data) return <ErrorPage error={model.error} onRetry={() => model.refetch()} />
  if (!model.data) return <p className={css.loading}>Reading the model …</p>
  return <Loaded model={model.data} />
}

function Loaded({ model }: { model: Model }) {
  const params = route.useParams()
  const { q = '', view } = route.useSearch()
  return (
    <>
      <PageHead
        title={<span className={css.titleText}>{model.displayName || params.model}</span>}
        actions={
          <>
            <GuardButton model={model} />
            <Edit model={model} />
          </>
        }
      >
        <Crumbs>
          <Link to="/w/$workspace/p/$project/models" params={params}>
            Models
          </Link>
          <span className="mono">{params.model}</span>
        </Crumbs>
        {model.description && <p className={css.description}>{model.description}</p>}
        <Head model={model} />
        {view !== 'requests' && <Pending model={params.model} />}
        {view !== 'history' && <Filter what={view === 'requests' ? 'requests' : 'versions'} />}
        <nav aria-label="Views of the model" className={views.views}>
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
      {view === 'history' && <History model={params.model} />}
      {view === 'requests' && <Requests key={q} model={params.model} filter={q} />}
      {view === undefined && <Versions key={q} model={params.model} filter={q} />}
    </>
  )
}

function Filter({ what }: { what: 'versions' | 'requests' }) {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  return (
    <FilterBar
      key={what}
      what={what}
      query={q}
      onQuery={(query) => void navigate({ search: (now) => ({ ...now, q: query || undefined }) })}
      {...FILTERS[what]}
    />
  )
}

function Head({ model }: { model: Model }) {
  const { productionVersion, stagingVersion, latestNumber, approvalStages, labels } = model
  return (
    <Facts>
      <Fact label="In production">
        {productionVersion ? <ModelVersionLink name={productionVersion} /> : 'None'}
      </Fact>
      <Fact label="In staging">{stagingVersion ? <ModelVersionLink name={stagingVersion} /> : 'None'}</Fact>
      <Fact label="Newest version">{latestNumber || 'None'}</Fact>
      <Fact label="By approval">{approvalStages.map(stageInWords).join(', ') || 'No stage'}</Fact>
      <Fact label="Changed">
        <Ago time={model.updateTime ?? model.createTime} />
      </Fact>
      {Object.keys(labels).length > 0 && (
        <Fact label="Labels">
          <Labels labels={labels} />
        </Fact>
      )}
    </Facts>
  )
}

function Edit({ model: now }: { model: Model }) {
  const { client } = useProject()
  const may = useMay()
  const [isOpen, setOpen] = useState(false)
  const model = useWhenOpened(isOpen, now)
  if (!may('models.update')) return null
  const save = ({ title, description, labels }: Said) =>
    client.call(UpdateModel, {
      model: { name: model.name, etag: model.etag, displayName: title, description, labels },
      updateMask: 'displayName,description,labels',
    })
  return (
    <>
      <Button onClick={() => setOpen(true)}>Edit</Button>
      <EditDialog
        title={`Edit ${idOf(model.name)}`}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        said={{ title: model.displayName, description: model.description, labels: model.labels }}
        name={{ label: 'Name', hint: 'What people read; its id never changes.', maxLength: 128 }}
        save={save}
      />
    </>
  )
}
