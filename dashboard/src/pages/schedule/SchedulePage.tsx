import type { Schedule } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { Crumbs } from '@/ui/Crumbs'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Mark } from '@/ui/Mark'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import { useTitle } from '@/ui/useTitle'
import { Values } from '@/ui/Values'
import { FireTimes } from '../schedules/FireTimes'
import {
  CATCH_UPS,
  lookOfState,
  OVERLAPS,
  timesOf,
  timingWords,
  wallClock,
  wordsOf,
} from '../schedules/timing'
import { useSchedule } from '../schedules/useSchedules'
import { Firings } from './Firings'
import { ScheduleActions } from './ScheduleActions'
import css from './schedule.module.css'

const route = getRouteApi('/w/$workspace/p/$project/schedules/$schedule')

/** One schedule: when it fires, what became of its times, and what one can do with it. */
export function SchedulePage() {
  const { schedule: id } = route.useParams()
  const schedule = useSchedule(id)
  useTitle(schedule.data?.displayName || id, 'Schedules')
  if (schedule.error && !schedule.data)
    return <ErrorPage error={schedule.error} onRetry={() => schedule.refetch()} />
  if (!schedule.data) return <p className={css.loading}>Reading the schedule …</p>
  return <Loaded schedule={schedule.data} />
}

function Loaded({ schedule }: { schedule: Schedule }) {
  const params = route.useParams()
  const { name, displayName, description, state, lastMessage, parameters, cron } = schedule
  const title = (
    <span className={css.title}>
      <span className={css.titleText}>{displayName || idOf(name)}</span>
      <Mark {...lookOfState(state)} />
    </span>
  )
  return (
    <>
      <PageHead title={title} actions={<ScheduleActions schedule={schedule} />}>
        <Crumbs>
          <Link to="/w/$workspace/p/$project/schedules" params={params}>
            Schedules
          </Link>
          <span className="mono">{idOf(name)}</span>
        </Crumbs>
        {description && <p className="quiet">{description}</p>}
        {lastMessage && <Note kind="warn">{lastMessage}</Note>}
        <Facts>
          <Fact label="When">
            <span className="mono">{timingWords(schedule)}</span>
          </Fact>
          <Fact label="Runs">
            <What schedule={schedule} />
          </Fact>
          <Fact label="Made so far">
            {schedule.runCount}
            {schedule.maxRuns > 0 && ` of ${schedule.maxRuns}`}
          </Fact>
          <Fact label="While its newest run goes on">{wordsOf(OVERLAPS, schedule.overlap)}</Fact>
          <Fact label="With times that nobody saw">{wordsOf(CATCH_UPS, schedule.catchUp)}</Fact>
          {schedule.endTime && <Fact label="Until">{wallClock(schedule.endTime, schedule.timeZone)}</Fact>}
        </Facts>
      </PageHead>
      <div className={css.columns}>
        <Firings schedule={schedule} />
        <aside className={css.aside} aria-label="What is to come">
          {state === 'SCHEDULE_STATE_ACTIVE' && cron && (
            <FireTimes timing={timesOf(schedule)} from={schedule.nextRunTime ?? ''} />
          )}
          {parameters && Object.keys(parameters).length > 0 && (
            <div>
              <h2>Parameters</h2>
              <Values values={parameters as Record<string, unknown>} />
            </div>
          )}
        </aside>
      </div>
    </>
  )
}

/** The snapshot that it runs, or the name under which the newest one is published. */
function What({ schedule: { snapshot, template } }: { schedule: Schedule }) {
  const { workspace, project } = route.useParams()
  if (template)
    return (
      <Link
        to="/w/$workspace/p/$project/snapshots"
        params={{ workspace, project }}
        search={{ q: `template = ${template}` }}
      >
        {template}
      </Link>
    )
  return (
    <Link
      to="/w/$workspace/p/$project/snapshots/$snapshot"
      params={{ workspace, project, snapshot: idOf(snapshot) }}
      className="mono"
    >
      {idOf(snapshot)}
    </Link>
  )
}
