import type { ArtifactVersion, LineageDirection, LineageEdge } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'
import { idOf } from '@/api/session'
import { partsOf, StepLink, VersionLink } from '@/app/links'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { Note } from '@/ui/Note'
import { Select } from '@/ui/Select'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import css from '../version.module.css'
import { lineageOf } from './lineageOf'
import { useLineage } from './useLineage'

const route = getRouteApi('/w/$workspace/p/$project/artifacts/$artifact/versions/$version')

// Large, and not what everybody looks at.
const LineageGraph = lazy(async () => ({ default: (await import('./LineageGraph')).LineageGraph }))

const WAYS = [
  ['BOTH', 'Both ways'],
  ['UPSTREAM', 'Where it comes from'],
  ['DOWNSTREAM', 'What was made of it'],
] as const
const DEPTHS = ['1', '2', '3', '5', '10'].map(
  (depth) => [depth, depth === '1' ? '1 step away' : `${depth} steps away`] as const,
)

/** Where a version comes from and what was made of it: as a graph, or the same as a table. */
export function LineageView({ version }: { version: ArtifactVersion }) {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const way = WAYS.find(([id]) => id === search.way)?.[0] ?? 'BOTH'
  const depth = DEPTHS.find(([id]) => id === search.depth)?.[0] ?? '3'
  const direction: LineageDirection = `LINEAGE_DIRECTION_${way}`
  const lineage = useLineage(version.name, direction, Number(depth))
  const choose = (choice: { way?: string; depth?: string }) =>
    void navigate({ search: (now) => ({ ...now, ...choice }), replace: true })
  return (
    <>
      <div className={css.choices}>
        <Select
          label="Way"
          choices={WAYS}
          value={way}
          onChange={(event) => choose({ way: event.target.value })}
        />
        <Select
          label="How far"
          choices={DEPTHS}
          value={depth}
          onChange={(event) => choose({ depth: event.target.value })}
        />
        <Link
          from={route.id}
          to="."
          search={(now) => ({ ...now, as: now.as === 'table' ? undefined : 'table' })}
          className={css.as}
          replace
        >
          {search.as === 'table' ? 'As a graph' : 'As a table'}
        </Link>
      </div>
      {lineage.data?.truncated && (
        <Note kind="warn">There is more than can be followed: go on from a version further along.</Note>
      )}
      {lineage.error && !lineage.data && (
        <ErrorPage error={lineage.error} onRetry={() => lineage.refetch()} />
      )}
      {lineage.isPending && <p className={css.loading}>Following the lineage …</p>}
      {lineage.data &&
        (search.as === 'table' ? (
          <EdgeTable edges={lineage.data.edges} />
        ) : (
          <Drawn version={version} versions={lineage.data.versions} edges={lineage.data.edges} />
        ))}
    </>
  )
}

type DrawnProps = { version: ArtifactVersion; versions: ArtifactVersion[]; edges: LineageEdge[] }

function Drawn({ version, versions, edges }: DrawnProps) {
  const { direction } = route.useSearch()
  const navigate = route.useNavigate()
  const graph = useMemo(() => lineageOf(versions, edges), [versions, edges])
  function open(name: string) {
    if (name.includes('/artifacts/'))
      return void navigate({ params: (now) => ({ ...now, ...partsOf(name) }), search: (now) => now })
    const run = name.split('/')[3] ?? ''
    void navigate({
      to: '/w/$workspace/p/$project/runs/$run',
      params: (now) => ({ ...now, run }),
      search: { step: idOf(name) },
    })
  }
  return (
    <Suspense fallback={<p className={css.loading}>Drawing the graph …</p>}>
      <LineageGraph
        graph={graph}
        chosen={version.name}
        onOpen={open}
        direction={direction === 'TB' ? 'TB' : 'LR'}
        onTurn={(to) => void navigate({ search: (now) => ({ ...now, direction: to }), replace: true })}
      />
    </Suspense>
  )
}

const COLUMNS: Column<LineageEdge>[] = [
  {
    id: 'version',
    label: 'Version',
    width: 'minmax(140px, 1fr)',
    cell: ({ artifactVersion }) => <VersionLink name={artifactVersion} />,
  },
  {
    id: 'what',
    label: 'What happened',
    width: 'minmax(140px, 1fr)',
    cell: ({ input, output }) => (input ? `was taken as ${input}` : `was made as ${output}`),
  },
  {
    id: 'step',
    label: 'By the step',
    width: 'minmax(160px, 1.4fr)',
    cell: ({ step }) => <StepLink name={step} />,
  },
]

function EdgeTable({ edges }: { edges: LineageEdge[] }) {
  if (edges.length === 0) return <EmptyState icon="box" title="No step made it, and none took it" />
  return (
    <VirtualTable
      label="Lineage"
      items={edges}
      columns={COLUMNS}
      keyOf={({ artifactVersion, step, input, output }) => `${artifactVersion} ${step} ${input} ${output}`}
    />
  )
}
