import type { Schedule, ScheduleFiring } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { idOf } from '@/api/session'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { Mark } from '@/ui/Mark'
import { Ago } from '@/ui/Time'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import { lookOfOutcome, wallClock } from '../schedules/timing'
import { useFirings } from '../schedules/useSchedules'
import css from './schedule.module.css'

const route = getRouteApi('/w/$workspace/p/$project/schedules/$schedule')
const IN_STRIP = 60

const columnsOf = (timeZone: string): Column<ScheduleFiring>[] => [
  {
    id: 'outcome',
    label: 'Outcome',
    width: '104px',
    cell: ({ outcome }) => <Mark {...lookOfOutcome(outcome)} />,
  },
  {
    id: 'time',
    label: 'Time',
    width: '210px',
    cell: ({ fireTime }) => <span className="numbers">{fireTime && wallClock(fireTime, timeZone)}</span>,
  },
  {
    id: 'why',
    label: 'By',
    width: '76px',
    cell: ({ requester }) => (requester ? 'by hand' : 'its time'),
  },
  {
    id: 'run',
    label: 'Run or reason',
    width: 'minmax(160px, 1fr)',
    cell: ({ run, message }) => (run ? <RunLink run={run} /> : <span title={message}>{message}</span>),
  },
  { id: 'decided', label: 'Decided', width: '88px', cell: ({ createTime }) => <Ago time={createTime} /> },
]

/** What became of its times: a strip to see it at a glance, and a table that says it. */
export function Firings({ schedule }: { schedule: Schedule }) {
  const { timeZone } = schedule
  const firings = useFirings(schedule)
  const columns = useMemo(() => columnsOf(timeZone), [timeZone])
  const { items } = firings
  if (firings.error && items.length === 0)
    return <ErrorPage error={firings.error} onRetry={firings.refetch} />
  if (firings.isPending) return <p className={css.loading}>Reading what became of its times …</p>
  if (items.length === 0)
    return (
      <EmptyState icon="clock" title="Its time has not come yet">
        <p>What becomes of each of its times will be here: the run that it made, or why it made none.</p>
      </EmptyState>
    )
  return (
    <section className={css.firings} aria-label="History">
      <Strip firings={items.slice(0, IN_STRIP).toReversed()} timeZone={timeZone} />
      <VirtualTable
        label="Firings"
        items={items}
        columns={columns}
        keyOf={({ uid }) => uid}
        more={firings.more}
      />
    </section>
  )
}

/** The newest is to the right. The table below says the same in words. */
function Strip({ firings, timeZone }: { firings: ScheduleFiring[]; timeZone: string }) {
  return (
    <div className={css.strip} aria-hidden="true">
      {firings.map(({ uid, outcome, fireTime }) => {
        const { word, tone } = lookOfOutcome(outcome)
        return (
          <span
            key={uid}
            className={css[tone]}
            title={`${word} ${fireTime ? wallClock(fireTime, timeZone) : ''}`}
          />
        )
      })}
    </div>
  )
}

function RunLink({ run }: { run: string }) {
  const { workspace, project } = route.useParams()
  return (
    <Link
      to="/w/$workspace/p/$project/runs/$run"
      params={{ workspace, project, run: idOf(run) }}
      className="mono"
      data-row=""
    >
      {idOf(run)}
    </Link>
  )
}
