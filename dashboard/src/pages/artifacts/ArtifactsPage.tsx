import type { Artifact } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { VersionLink } from '@/app/links'
import { EmptyState } from '@/ui/EmptyState'
import { FilterBar } from '@/ui/FilterBar'
import { Labels } from '@/ui/Labels'
import { ListState } from '@/ui/ListState'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import views from '@/ui/views.module.css'
import css from './artifacts.module.css'
import { useArtifacts, useVersions } from './useArtifacts'
import { VERSION_EXAMPLES, VersionTable } from './VersionTable'

const route = getRouteApi('/w/$workspace/p/$project/artifacts')
const EXAMPLES = [
  ['labels.team = vision', 'with a label'],
  ['display_name : report', 'with a word in their name'],
  ['create_time > now()-"24h"', 'first made in the last day'],
  ['metadata.rows > 1000', 'by what is known of them'],
] as const

/** What the pipelines of the project made: by name, or every version, the newest first. */
export function ArtifactsPage() {
  const { q = '', view } = route.useSearch()
  const navigate = route.useNavigate()
  const areVersions = view === 'versions'
  useTitle(areVersions ? 'Versions of artifacts' : 'Artifacts')
  return (
    <>
      <PageHead title="Artifacts">
        <FilterBar
          key={view}
          what={areVersions ? 'versions' : 'artifacts'}
          query={q}
          onQuery={(query) => void navigate({ search: (now) => ({ ...now, q: query || undefined }) })}
          hint={areVersions ? 'type = MODEL alias = gold' : 'labels.team = vision'}
          examples={areVersions ? VERSION_EXAMPLES : EXAMPLES}
        />
        <nav aria-label="Views of the artifacts" className={views.views}>
          <View label="By name" />
          <View id="versions" label="All versions" />
        </nav>
      </PageHead>
      {areVersions ? <AllVersions key={q} filter={q} /> : <ByName key={q} filter={q} />}
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

const COLUMNS: Column<Artifact>[] = [
  {
    id: 'artifact',
    label: 'Artifact',
    width: 'minmax(180px, 2fr)',
    cell: (artifact) => <ArtifactLink artifact={artifact} />,
  },
  {
    id: 'newest',
    label: 'Newest version',
    width: 'minmax(120px, 1fr)',
    cell: ({ name, latestVersion }) =>
      latestVersion > 0 ? (
        <span className={css.above}>
          <VersionLink name={`${name}/versions/${latestVersion}`} />
        </span>
      ) : (
        <span className="quiet">All deleted</span>
      ),
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

function ByName({ filter }: { filter: string }) {
  const list = useArtifacts(filter)
  const navigate = route.useNavigate()
  return (
    <ListState what="artifacts" filter={filter} list={list} empty={<NoArtifacts />}>
      <VirtualTable
        label="Artifacts"
        items={list.items}
        columns={COLUMNS}
        keyOf={({ name }) => name}
        onOpen={({ name }) =>
          void navigate({
            to: '/w/$workspace/p/$project/artifacts/$artifact',
            params: (now) => ({ ...now, artifact: idOf(name) }),
          })
        }
        more={list.more}
      />
    </ListState>
  )
}

function AllVersions({ filter }: { filter: string }) {
  const list = useVersions('-', filter)
  return (
    <ListState what="versions" filter={filter} list={list} empty={<NoArtifacts />}>
      <VersionTable list={list} />
    </ListState>
  )
}

function NoArtifacts() {
  return (
    <EmptyState icon="box" title="No artifacts yet" command="weft run train.py">
      <p>What the steps of a pipeline return is kept here, with where it came from.</p>
    </EmptyState>
  )
}

function ArtifactLink({ artifact }: { artifact: Artifact }) {
  const { workspace, project } = route.useParams()
  const id = idOf(artifact.name)
  return (
    <span className={css.name}>
      <Link
        to="/w/$workspace/p/$project/artifacts/$artifact"
        params={{ workspace, project, artifact: id }}
        className="cut"
        data-row=""
      >
        {artifact.displayName || id}
      </Link>
      {artifact.displayName && <span className={`cut mono ${css.id}`}>{id}</span>}
    </span>
  )
}
