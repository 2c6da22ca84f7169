import type { Run } from '@contract/workspace'
import { Link, useParams } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { StateShape } from '@/ui/StateMark'
import { lookOf } from '@/ui/states'
import { ago } from '@/ui/times'
import { useNow } from '@/ui/useNow'
import css from './pipelines.module.css'

/** How the last runs went, the newest at the end; each leads to its run. */
export function LastRuns({ runs }: { runs: readonly Run[] }) {
  const place = useParams({ from: '/w/$workspace/p/$project' })
  const now = useNow()
  return (
    <ol className={css.last} aria-label="Last runs">
      {runs.toReversed().map((run) => {
        const told = `${run.displayName || idOf(run.name)}: ${lookOf(run.state).word}, ${ago(run.createTime ?? '', now)}`
        return (
          <li key={run.name}>
            <Link
              to="/w/$workspace/p/$project/runs/$run"
              params={{ ...place, run: idOf(run.name) }}
              aria-label={told}
              title={told}
            >
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
