import { PreviewSchedule } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useProject } from '@/app/project'
import { Note } from '@/ui/Note'
import css from './schedules.module.css'
import { type Timing, wallClock } from './timing'

const COUNT = 5

/** When it will be time, as the server reckons; or why it never will. */
export function FireTimes({
  timing,
  from = '',
}: {
  timing: Timing & { startTime?: string; endTime?: string }
  from?: string
}) {
  const { client, key, name: parent } = useProject()
  const times = useQuery({
    queryKey: [...key, 'fire-times', timing, from],
    queryFn: async ({ signal }) =>
      (await client.call(PreviewSchedule, { parent, schedule: timing, count: COUNT }, { signal })).fireTimes,
    retry: false,
    placeholderData: (before) => before,
  })
  if (times.error) return <Note kind="warn">{times.error.message}</Note>
  return (
    <div className={css.times} aria-live="polite">
      <p>Next times</p>
      <ol aria-label="Next times">
        {(times.data ?? []).map((time) => (
          <li key={time} className="numbers">
            {wallClock(time, timing.timeZone)}
          </li>
        ))}
      </ol>
      {times.data?.length === 0 && <p className="quiet">There are no more.</p>}
    </div>
  )
}
