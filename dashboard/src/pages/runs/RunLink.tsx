import type { Run } from '@contract/workspace'
import { Link, useParams } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import css from './runs.module.css'

/** A run by the name that people gave it, and its id; leads to it. */
export function RunLink({ run }: { run: Run }) {
  const params = useParams({ from: '/w/$workspace/p/$project' })
  const id = idOf(run.name)
  return (
    <span className={css.name}>
      <Link
        to="/w/$workspace/p/$project/runs/$run"
        params={{ ...params, run: id }}
        className="cut"
        data-row=""
      >
        {run.displayName || id}
      </Link>
      {run.displayName && <span className={`cut mono ${css.id}`}>{id}</span>}
    </span>
  )
}
