import type { Model } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { ModelVersionLink } from '@/app/links'
import { EmptyState } from '@/ui/EmptyState'
import { FilterBar } from '@/ui/FilterBar'
import { Labels } from '@/ui/Labels'
import { ListState } from '@/ui/ListState'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import table from '@/ui/table.module.css'
import { useTitle } from '@/ui/useTitle'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import views from '@/ui/views.module.css'
import { REQUEST_EXAMPLES, Requests } from './Requests'
import { useModels } from './useModels'

const route = getRouteApi('/w/$workspace/p/$project/models')
const EXAMPLES = [
  ['display_name : fraud', 'with a word in their name'],
  ['create_time > now()-"24h"', 'first made in the last day'],
] as const

/** The models of the project, and what somebody asks to be done with them. */
export function ModelsPage() {
  const { q = '', view } = route.useSearch()
  const navigate = route.useNavigate()
  const areRequests = view === 'requests'
  useTitle(areRequests ? 'Requests about models' : 'Models')
  return (
    <>
      <PageHead title="Models">
        <FilterBar
          key={view}
          what={areRequests ? 'requests' : 'models'}
          query={q}
          onQuery={(query) => void navigate({ search: (now) => ({ ...now, q: query || undefined }) })}
          hint={areRequests ? 'state = PENDING' : 'display_name : fraud'}
          examples={areRequests ? REQUEST_EXAMPLES : EXAMPLES}
        />
        <nav aria-label="Views of the models" className={views.views}>
          <View label="All models" />
          <View id="requests" label="Requests" />
        </nav>
      </PageHead>
      {areRequests ? <Requests key={q} model="-" filter={q} /> : <Models key={q} filter={q} />}
    </>
  )
}

/** A filter of one view says nothing in the other. */
function View({ id, label }: { id?: string; label: string }) {
  return (
    <Link
      from={route.id}
      to="."
      search={{ view: id }}
      activeOptions={{ includeSearch: true, explicitUndefined: true }}
    >
      {label}
    </Link>
  )
}

const COLUMNS: Column<Model>[] = [
  {
    id: 'model',
    label: 'Model',
    width: 'minmax(180px, 1.6fr)',
    cell: (model) => <ModelLink model={model} />,
  },
  {
    id: 'production',
    label: 'In production',
    width: 'minmax(110px, 1fr)',
    cell: ({ productionVersion }) => <Holder name={productionVersion} />,
  },
  {
    id: 'staging',
    label: 'In staging',
    width: 'minmax(110px, 1fr)',
    cell: ({ stagingVersion }) => <Holder name={stagingVersion} />,
  },
  {
    id: 'newest',
    label: 'Newest',
    width: '64px',
    cell: ({ latestNumber }) => <span className="numbers">{latestNumber || '–'}</span>,
  },
  {
    id: 'description',
    label: 'What it is for',
    width: 'minmax(120px, 2fr)',
    cell: ({ description }) => (
      <span className="quiet" title={description}>
        {description}
      </span>
    ),
  },
  {
    id: 'labels',
    label: 'Labels',
    width: 'minmax(100px, 1fr)',
    cell: ({ labels }) => <Labels labels={labels} />,
  },
  {
    id: 'changed',
    label: 'Changed',
    width: '104px',
    cell: ({ updateTime, createTime }) => <Ago time={updateTime ?? createTime} />,
  },
]

function Holder({ name }: { name: string }) {
  if (!name) return <span className="quiet">–</span>
  return (
    <span className={table.above}>
      <ModelVersionLink name={name} />
    </span>
  )
}

function Models({ filter }: { filter: string }) {
  const list = useModels(filter)
  const navigate = route.useNavigate()
  return (
    <ListState what="models" filter={filter} list={list} empty={<NoModels />}>
      <VirtualTable
        label="Models"
        items={list.items}
        columns={COLUMNS}
        keyOf={({ name }) => name}
        onOpen={({ name }) =>
          void navigate({
            to: '/w/$workspace/p/$project/models/$model',
            params: (now) => ({ ...now, model: idOf(name) }),
          })
        }
        more={list.more}
      />
    </ListState>
  )
}

function NoModels() {
  return (
    <EmptyState icon="model" title="No models yet" command="weft models create fraud">
      <p>Or name one at a pipeline, @pipeline(model="fraud"): each of its runs makes a version.</p>
    </EmptyState>
  )
}

function ModelLink({ model }: { model: Model }) {
  const { workspace, project } = route.useParams()
  const id = idOf(model.name)
  return (
    <Named detail={model.displayName && id}>
      <Link
        to="/w/$workspace/p/$project/models/$model"
        params={{ workspace, project, model: id }}
        data-row=""
      >
        {model.displayName || id}
      </Link>
    </Named>
  )
}
