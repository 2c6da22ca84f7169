import type { Run } from '@contract/workspace'
import { Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { Note } from '@/ui/Note'
import { exact } from '@/ui/times'
import { FailureText } from './FailureText'
import css from './run.module.css'

/** Why the run is as it is, in words: what people look for first. */
export function Reason({ run }: { run: Run }) {
  return (
    <div className={css.reasons}>
      {run.failure && <FailureText failure={run.failure} />}
      {!run.failure && run.stateReason && <Note kind="info">{run.stateReason}</Note>}
      {run.unresponsive?.since && (
        <Note kind="warn">Its runner has given no sign of life since {exact(run.unresponsive.since)}.</Note>
      )}
      {run.stopRequest?.reason && <Note kind="info">Asked to stop: {run.stopRequest.reason}</Note>}
      {run.openConditionCount > 0 && (
        <Note kind="warn">
          It waits for {run.openConditionCount === 1 ? 'an answer' : 'answers'} of a person.{' '}
          <Link
            from="/w/$workspace/p/$project"
            to="/w/$workspace/p/$project/approvals"
            search={{ run: idOf(run.name) }}
            className={css.approvals}
          >
            Answer
          </Link>
        </Note>
      )}
    </div>
  )
}
