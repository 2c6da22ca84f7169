// The columns that the list of runs can show.

import type { Run } from '@contract/workspace'
import { idOf } from '@/api/session'
import { Labels } from '@/ui/Labels'
import { StateMark } from '@/ui/StateMark'
import { Ago, Took } from '@/ui/Time'
import type { Column } from '@/ui/VirtualTable'
import { RunLink } from './RunLink'
import css from './runs.module.css'
import { StepBar } from './StepBar'

export type RunColumn = Column<Run> & { isFixed?: boolean }

const TRIGGERS: Record<string, string> = {
  RUN_TRIGGER_SDK: 'SDK',
  RUN_TRIGGER_SNAPSHOT: 'Snapshot',
  RUN_TRIGGER_RETRY: 'Retry',
  RUN_TRIGGER_EVENT: 'Trigger',
  RUN_TRIGGER_SCHEDULE: 'Schedule',
}

export const COLUMNS: RunColumn[] = [
  { id: 'state', label: 'State', width: '124px', isFixed: true, cell: (run) => <State run={run} /> },
  {
    id: 'run',
    label: 'Run',
    width: 'minmax(180px, 2fr)',
    isFixed: true,
    cell: (run) => <RunLink run={run} />,
  },
  { id: 'pipeline', label: 'Pipeline', width: 'minmax(110px, 1fr)', cell: (run) => idOf(run.pipeline) },
  { id: 'steps', label: 'Steps', width: '128px', cell: (run) => <StepBar counts={run.stepCounts} /> },
  { id: 'created', label: 'Created', width: '104px', cell: (run) => <Ago time={run.createTime} /> },
  {
    id: 'took',
    label: 'Took',
    width: '92px',
    cell: (run) => <Took start={run.startTime} end={run.endTime} />,
  },
  { id: 'trigger', label: 'Started by', width: '108px', cell: (run) => TRIGGERS[run.trigger] ?? '' },
  { id: 'stack', label: 'Stack', width: '110px', cell: (run) => idOf(run.stack) },
  { id: 'snapshot', label: 'Snapshot', width: '130px', cell: (run) => idOf(run.snapshot) },
  {
    id: 'labels',
    label: 'Labels',
    width: 'minmax(120px, 1fr)',
    cell: (run) => <Labels labels={run.labels} />,
  },
]

const SHOWN = 'state,run,pipeline,steps,created,took,trigger'
const KEY = 'weft.runs.columns'

/** Which columns this browser shows. */
export function keptColumns(): string[] {
  return columnsIn(localStorage.getItem(KEY) ?? SHOWN)
}

/** The columns that a text names, with those that are always there; it may name some of other versions. */
export function columnsIn(text: string): string[] {
  const named = text.split(',')
  return COLUMNS.filter(({ id, isFixed }) => isFixed || named.includes(id)).map(({ id }) => id)
}

export function keepColumns(ids: string[]): void {
  localStorage.setItem(KEY, ids.join(','))
}

function State({ run }: { run: Run }) {
  if (!run.unresponsive) return <StateMark state={run.state} />
  return (
    <span className={css.silent} title="Its runner has given no sign of life for a while.">
      <StateMark state={run.state} />
      <span className={css.badge}>silent</span>
    </span>
  )
}
