import type { ArtifactVersion } from '@contract/workspace'
import { useNavigate, useParams } from '@tanstack/react-router'
import { partsOf, StepLink, VersionLink } from '@/app/links'
import { Labels } from '@/ui/Labels'
import { size } from '@/ui/sizes'
import { Ago } from '@/ui/Time'
import { type Column, type More, VirtualTable } from '@/ui/VirtualTable'
import css from './artifacts.module.css'

export const VERSION_EXAMPLES = [
  ['type = MODEL', 'that are trained models'],
  ['alias = gold', 'by their alias'],
  ['labels.reviewed = yes', 'with a label'],
  ['producer_run = brave-otter-1', 'that a run made'],
  ['metadata.accuracy > 0.9', 'by what is known of them'],
  ['create_time > now()-"24h"', 'of the last day'],
] as const

const TYPES: Record<string, string> = {
  ARTIFACT_TYPE_MODEL: 'Model',
  ARTIFACT_TYPE_VISUALIZATION: 'Report',
}

/** "Data", "Model", "Report". */
export function typeOf({ type }: ArtifactVersion): string {
  return TYPES[type] ?? 'Data'
}

const COLUMNS: Column<ArtifactVersion>[] = [
  {
    id: 'version',
    label: 'Version',
    width: 'minmax(160px, 1.4fr)',
    cell: ({ name, alias }) => (
      <span className={css.name}>
        <VersionLink name={name} isRow />
        {alias && <span className={css.alias}>{alias}</span>}
      </span>
    ),
  },
  { id: 'type', label: 'Type', width: '64px', cell: typeOf },
  { id: 'format', label: 'Format', width: '96px', cell: ({ materializer }) => materializer },
  {
    id: 'size',
    label: 'Size',
    width: '72px',
    cell: ({ sizeBytes }) => <span className="numbers">{size(sizeBytes)}</span>,
  },
  {
    id: 'producer',
    label: 'Made by',
    width: 'minmax(140px, 1.4fr)',
    cell: ({ producerStep }) =>
      producerStep ? (
        <span className={css.above}>
          <StepLink name={producerStep} />
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

type Props = { list: { items: ArtifactVersion[]; more: More } }

export function VersionTable({ list }: Props) {
  const navigate = useNavigate()
  const place = useParams({ from: '/w/$workspace/p/$project' })
  return (
    <VirtualTable
      label="Versions"
      items={list.items}
      columns={COLUMNS}
      keyOf={({ name }) => name}
      onOpen={({ name }) =>
        void navigate({
          to: '/w/$workspace/p/$project/artifacts/$artifact/versions/$version',
          params: { ...place, ...partsOf(name) },
        })
      }
      more={list.more}
    />
  )
}
