import type { StageTransition } from '@contract/workspace'
import { ModelVersionLink } from '@/app/links'
import { StageMark, versionInWords } from '@/app/stages'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { ListState } from '@/ui/ListState'
import { Ago } from '@/ui/Time'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import css from './models.module.css'
import { useTransitions } from './useModels'
import { Whoever } from './Whoever'

export function Move({ move }: { move: StageTransition }) {
  return (
    <span className={css.move}>
      <StageMark stage={move.from} />
      <Icon name="right" size={12} />
      <span className="unseen">to</span>
      <StageMark stage={move.to} />
    </span>
  )
}

/** Why a version moved: the version that took its place, and what somebody said. */
export function Reason({ move }: { move: StageTransition }) {
  const way = move.successor && `gave way to ${versionInWords(move.successor)}`
  const words = [way, move.comment].filter(Boolean).join(': ')
  return (
    <span className="quiet" title={words}>
      {words}
      {move.stageRequest && ' (approved)'}
    </span>
  )
}

const COLUMNS: Column<StageTransition>[] = [
  {
    id: 'version',
    label: 'Version',
    width: 'minmax(120px, 1fr)',
    cell: ({ modelVersion }) => <ModelVersionLink name={modelVersion} isRow />,
  },
  { id: 'move', label: 'Moved', width: '264px', cell: (move) => <Move move={move} /> },
  { id: 'why', label: 'Why', width: 'minmax(160px, 2fr)', cell: (move) => <Reason move={move} /> },
  {
    id: 'who',
    label: 'By',
    width: 'minmax(90px, 1fr)',
    cell: ({ creator }) => <Whoever subject={creator} />,
  },
  { id: 'when', label: 'When', width: '104px', cell: ({ createTime }) => <Ago time={createTime} /> },
]

/** How the versions of a model moved between stages. */
export function History({ model }: { model: string }) {
  const list = useTransitions(model)
  const none = (
    <EmptyState
      icon="clock"
      title="No version has moved yet"
      command={`weft models promote ${model} --to staging`}
    />
  )
  return (
    <ListState what="the history" filter="" list={list} empty={none}>
      <VirtualTable
        label="History"
        items={list.items}
        columns={COLUMNS}
        keyOf={({ uid }) => uid}
        more={list.more}
      />
    </ListState>
  )
}
