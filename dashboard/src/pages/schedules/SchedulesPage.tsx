import type { Schedule } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMay } from '@/app/project'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { FilterBar } from '@/ui/FilterBar'
import { ListState } from '@/ui/ListState'
import { Mark } from '@/ui/Mark'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import { ScheduleDialog } from './ScheduleDialog'
import { lookOfOutcome, lookOfState, timingWords, wallClock } from './timing'
import { useSchedules } from './useSchedules'

const route = getRouteApi('/w/$workspace/p/$project/schedules')
const EXAMPLES = [
  ['state = ACTIVE', 'that fire'],
  ['state = PAUSED', 'that rest'],
  ['create_time > now()-"24h"', 'of the last day'],
] as const

/** Snapshots that run by themselves, and when next. */
export function SchedulesPage() {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const may = useMay()
  const [isMaking, setMaking] = useState(false)
  useTitle('Schedules')
  const create = may('schedules.create') && may('snapshots.run') && (
    <Button kind="primary" onClick={() => setMaking(true)}>
      Create a schedule
    </Button>
  )
  return (
    <>
      <PageHead title="Schedules" actions={create}>
        <FilterBar
          what="schedules"
          query={q}
          onQuery={(query) => void navigate({ search: { q: query || undefined } })}
          hint="state = ACTIVE"
          examples={EXAMPLES}
        />
      </PageHead>
      <ScheduleList key={q} filter={q} />
      <ScheduleDialog isOpen={isMaking} onClose={() => setMaking(false)} />
    </>
  )
}

const COLUMNS: Column<Schedule>[] = [
  { id: 'state', label: 'State', width: '108px', cell: ({ state }) => <Mark {...lookOfState(state)} /> },
  {
    id: 'schedule',
    label: 'Schedule',
    width: 'minmax(180px, 2fr)',
    cell: (schedule) => <ScheduleLink schedule={schedule} />,
  },
  {
    id: 'when',
    label: 'When',
    width: 'minmax(180px, 1fr)',
    cell: (schedule) => <span className="mono">{timingWords(schedule)}</span>,
  },
  {
    id: 'next',
    label: 'Next',
    width: 'minmax(210px, 1fr)',
    cell: ({ nextRunTime, timeZone }) =>
      nextRunTime ? wallClock(nextRunTime, timeZone) : <span className="quiet">–</span>,
  },
  {
    id: 'last',
    label: 'Last',
    width: '110px',
    cell: ({ lastOutcome }) => <Mark {...lookOfOutcome(lastOutcome)} />,
  },
  { id: 'came', label: 'Came', width: '88px', cell: ({ lastFireTime }) => <Ago time={lastFireTime} /> },
  {
    id: 'runs',
    label: 'Runs',
    width: '60px',
    cell: ({ runCount }) => <span className="numbers">{runCount}</span>,
  },
]

function ScheduleLink({ schedule }: { schedule: Schedule }) {
  const params = route.useParams()
  const id = idOf(schedule.name)
  return (
    <Named detail={schedule.displayName ? id : ''}>
      <Link
        to="/w/$workspace/p/$project/schedules/$schedule"
        params={{ ...params, schedule: id }}
        data-row=""
      >
        {schedule.displayName || id}
      </Link>
    </Named>
  )
}

function ScheduleList({ filter }: { filter: string }) {
  const list = useSchedules(filter)
  const navigate = route.useNavigate()
  return (
    <ListState what="schedules" filter={filter} list={list} empty={<NoSchedules />}>
      <VirtualTable
        label="Schedules"
        items={list.items}
        columns={COLUMNS}
        keyOf={({ name }) => name}
        onOpen={({ name }) =>
          void navigate({
            to: '/w/$workspace/p/$project/schedules/$schedule',
            params: (now) => ({ ...now, schedule: idOf(name) }),
            search: {},
          })
        }
        more={list.more}
      />
    </ListState>
  )
}

function NoSchedules() {
  return (
    <EmptyState
      icon="clock"
      title="No schedules yet"
      command="weft schedules create nightly train.py --cron &quot;30 2 * * *&quot; --tz Europe/Berlin"
    >
      <p>The workspace runs a snapshot by itself, at the times that you say.</p>
    </EmptyState>
  )
}
