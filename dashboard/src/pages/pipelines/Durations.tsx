import type { Run } from '@contract/workspace'
import { Link, useParams } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { StateShape } from '@/ui/StateMark'
import { lookOf } from '@/ui/states'
import { duration } from '@/ui/times'
import { useNow } from '@/ui/useNow'
import css from './pipelines.module.css'

const TALLEST_PX = 50

/** How long the last runs took, and how they ended: the newest at the end. */
export function Durations({ runs }: { runs: readonly Run[] }) {
  const place = useParams({ from: '/w/$workspace/p/$project' })
  const now = useNow(runs.some(({ startTime, endTime }) => startTime && !endTime))
  const longest = Math.max(1, ...runs.map((run) => took(run, now)))
  return (
    <ol className={css.durations} aria-label="How long the last runs took">
      {runs.toReversed().map((run) => {
        const ms = took(run, now)
        const { word, tone } = lookOf(run.state)
        const told = `${run.displayName || idOf(run.name)}: ${word}, ${duration(ms)}`
        return (
          <li key={run.name}>
            <Link
              to="/w/$workspace/p/$project/runs/$run"
              params={{ ...place, run: idOf(run.name) }}
              aria-label={told}
              title={told}
            >
              <span
                className={css.bar}
                style={{ height: (ms / longest) * TALLEST_PX, background: `var(--${tone})` }}
              />
              <span aria-hidden="true">
                <StateShape state={run.state} />
              </span>
            </Link>
          </li>
        )
      })}
    </ol>
  )
}

function took({ startTime, endTime }: Run, now: number): number {
  if (!startTime) return 0
  return Math.max(0, (endTime ? Date.parse(endTime) : now) - Date.parse(startTime))
}
