import type { ModelVersion } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'
import { ModelVersionLink, RunIdLink } from '@/app/links'
import { StageMark } from '@/app/stages'
import { EmptyState } from '@/ui/EmptyState'
import { Labels } from '@/ui/Labels'
import { ListState } from '@/ui/ListState'
import { Named } from '@/ui/Named'
import { Ago } from '@/ui/Time'
import table from '@/ui/table.module.css'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import { inDigits, metricsOf } from './metrics'
import { useModelVersions } from './useModels'

const route = getRouteApi('/w/$workspace/p/$project/models/$model')
export const VERSION_EXAMPLES = [
  ['stage = STAGING', 'that are tried'],
  ['run = brave-otter-1', 'that a run made'],
  ['metadata.accuracy > 0.9', 'by what they measured'],
  ['labels.reviewed = yes', 'with a label'],
  ['create_time > now()-"24h"', 'of the last day'],
] as const

const BEFORE: Column<ModelVersion>[] = [
  {
    id: 'version',
    label: 'Version',
    width: 'minmax(140px, 1.2fr)',
    cell: ({ name, versionId }) => (
      <Named detail={versionId}>
        <ModelVersionLink name={name} isRow />
      </Named>
    ),
  },
  { id: 'stage', label: 'Stage', width: '120px', cell: ({ stage }) => <StageMark stage={stage} /> },
]

const AFTER: Column<ModelVersion>[] = [
  {
    id: 'run',
    label: 'Made by',
    width: 'minmax(120px, 1fr)',
    cell: ({ run }) =>
      run ? (
        <span className={table.above}>
          <RunIdLink name={run} />
        </span>
      ) : (
        <span className="quiet">No run</span>
      ),
  },
  {
    id: 'labels',
    label: 'Labels',
    width: 'minmax(90px, 1fr)',
    cell: ({ labels }) => <Labels labels={labels} />,
  },
  { id: 'made', label: 'Made', width: '92px', cell: ({ createTime }) => <Ago time={createTime} /> },
]

function metric(name: string): Column<ModelVersion> {
  return {
    id: `metric ${name}`,
    label: name,
    width: 'minmax(72px, 0.6fr)',
    cell: ({ metadata }) => <span className="numbers">{inDigits(metadata?.[name])}</span>,
  }
}

/** The versions of a model, with the numbers that most of them have. */
export function Versions({ model, filter }: { model: string; filter: string }) {
  const list = useModelVersions(model, filter)
  const navigate = route.useNavigate()
  const columns = useMemo(() => [...BEFORE, ...metricsOf(list.items).map(metric), ...AFTER], [list.items])
  const none = (
    <EmptyState icon="model" title="No versions yet" command={`weft models new-version ${model}`}>
      <p>Or name the model at a pipeline: each of its runs makes a version.</p>
    </EmptyState>
  )
  return (
    <ListState what="versions" filter={filter} list={list} empty={none}>
      <VirtualTable
        label="Versions"
        items={list.items}
        columns={columns}
        keyOf={({ name }) => name}
        onOpen={({ number }) =>
          void navigate({
            to: '/w/$workspace/p/$project/models/$model/versions/$version',
            params: (now) => ({ ...now, version: String(number) }),
          })
        }
        more={list.more}
      />
    </ListState>
  )
}
