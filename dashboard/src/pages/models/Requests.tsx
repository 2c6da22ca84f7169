import type { StageRequest } from '@contract/workspace'
import { ModelVersionLink } from '@/app/links'
import { RequestMark, StageMark } from '@/app/stages'
import { useStageRequests } from '@/app/useWaiting'
import { EmptyState } from '@/ui/EmptyState'
import { ListState } from '@/ui/ListState'
import { Ago } from '@/ui/Time'
import table from '@/ui/table.module.css'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import { Decide } from './Decide'
import css from './models.module.css'
import { Whoever } from './Whoever'

export const REQUEST_EXAMPLES = [
  ['state = PENDING', 'that wait'],
  ['state = DENIED', 'that were denied'],
  ['create_time > now()-"24h"', 'of the last day'],
] as const

const COLUMNS: Column<StageRequest>[] = [
  {
    id: 'version',
    label: 'Version',
    width: 'minmax(96px, 1fr)',
    cell: ({ modelVersion }) => <ModelVersionLink name={modelVersion} isRow />,
  },
  { id: 'stage', label: 'Enters', width: '104px', cell: ({ stage }) => <StageMark stage={stage} /> },
  { id: 'state', label: 'State', width: '104px', cell: ({ state }) => <RequestMark state={state} /> },
  { id: 'why', label: 'Why', width: 'minmax(110px, 1.6fr)', cell: ({ comment }) => <Said text={comment} /> },
  {
    id: 'by',
    label: 'Asked by',
    width: 'minmax(80px, 0.8fr)',
    cell: ({ creator }) => <Whoever subject={creator} />,
  },
  { id: 'asked', label: 'Asked', width: '84px', cell: ({ createTime }) => <Ago time={createTime} /> },
  {
    id: 'decider',
    label: 'Decided by',
    width: 'minmax(80px, 0.8fr)',
    cell: ({ decider, decisionComment }) => (
      <span title={decisionComment}>
        <Whoever subject={decider} />
        {decisionComment && `: ${decisionComment}`}
      </span>
    ),
  },
  {
    id: 'decide',
    label: 'Decide',
    width: '170px',
    cell: (request) => <Answer request={request} />,
  },
]

function Said({ text }: { text: string }) {
  return (
    <span className="quiet" title={text}>
      {text}
    </span>
  )
}

function Answer({ request }: { request: StageRequest }) {
  return (
    <span className={`${table.above} ${css.answers}`}>
      <Decide request={request} />
    </span>
  )
}

/** What was asked about a model; about all of them where it is "-". */
export function Requests({ model, filter }: { model: string; filter: string }) {
  const list = useStageRequests(model, filter)
  const none = (
    <EmptyState
      icon="hands"
      title="Nothing was asked"
      command="weft models update fraud --approval production"
    >
      <p>Once a model guards a stage, its versions enter it by a request that somebody else approves.</p>
    </EmptyState>
  )
  return (
    <ListState what="requests" filter={filter} list={list} empty={none}>
      <VirtualTable
        label="Requests"
        items={list.items}
        columns={COLUMNS}
        keyOf={({ name }) => name}
        more={list.more}
      />
    </ListState>
  )
}
