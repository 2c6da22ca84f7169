import type { Flavor } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { useFlavors } from '@/app/infrastructure'
import { FlavorLink } from '@/app/infrastructureLinks'
import { EmptyState } from '@/ui/EmptyState'
import { FilterBar } from '@/ui/FilterBar'
import { LiveTable } from '@/ui/LiveTable'
import { PageHead } from '@/ui/Page'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import css from './stacks.module.css'
import { TypeWord } from './TypeWord'

const route = getRouteApi('/w/$workspace/flavors')
const EXAMPLES = [
  ['type = orchestrator', 'of a type'],
  ['built_in = false', 'of your own'],
] as const
const COLUMNS: Column<Flavor>[] = [
  {
    id: 'flavor',
    label: 'Flavor',
    width: 'minmax(200px, 1.4fr)',
    cell: ({ name, displayName }) => (
      <span className={css.name}>
        <FlavorLink name={name} label={displayName} isRow />
        {displayName && <span className={`cut mono ${css.id}`}>{idOf(name)}</span>}
      </span>
    ),
  },
  { id: 'type', label: 'Type', width: 'minmax(150px, 1fr)', cell: ({ type }) => <TypeWord type={type} /> },
  {
    id: 'description',
    label: 'What for',
    width: 'minmax(200px, 2fr)',
    cell: ({ description }) => (
      <span className="quiet" title={description}>
        {description}
      </span>
    ),
  },
  { id: 'use', label: 'Weft', width: '110px', cell: ({ use }) => wordOf(use) },
  {
    id: 'maker',
    label: 'Made by',
    width: '110px',
    cell: ({ builtIn }) => (builtIn ? 'Weft' : 'Your people'),
  },
]

/** What becomes of a configuration. */
export function wordOf(use: string): string {
  return use === 'FLAVOR_USE_EXECUTED' ? 'Works with it' : 'Hands it on'
}

/** What components come in: those of Weft, and those of one's own. */
export function FlavorsPage() {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  useTitle('Flavors')
  return (
    <>
      <PageHead title="Flavors">
        <FilterBar
          what="flavors"
          query={q}
          onQuery={(query) => void navigate({ search: { q: query || undefined } })}
          hint="type = orchestrator"
          examples={EXAMPLES}
        />
      </PageHead>
      <List key={q} filter={q} />
    </>
  )
}

function List({ filter }: { filter: string }) {
  const list = useFlavors(filter)
  const navigate = route.useNavigate()
  const goTo = (flavor: string) =>
    void navigate({ to: '/w/$workspace/flavors/$flavor', params: (now) => ({ ...now, flavor }) })
  return (
    <LiveTable
      label="Flavors"
      filter={filter}
      list={list}
      columns={COLUMNS}
      onOpen={({ name }) => goTo(idOf(name))}
      empty={<EmptyState icon="shapes" title="No flavors" command="weft flavors create FLAVOR" />}
    />
  )
}
