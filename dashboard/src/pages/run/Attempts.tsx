import type { Step, StepAttempt } from '@contract/workspace'
import { Note } from '@/ui/Note'
import { StateMark } from '@/ui/StateMark'
import { Ago, Took } from '@/ui/Time'
import { FailureText } from './FailureText'
import css from './run.module.css'
import { useAttempts } from './useAttempts'

/** Every attempt at a step, the newest first. */
export function Attempts({ step }: { step: Step }) {
  const attempts = useAttempts(step)
  if (attempts.error) return <Note kind="bad" error={attempts.error} />
  if (attempts.data?.length === 0) return <p className="quiet">There was no attempt.</p>
  return (
    <ol className={css.attempts}>
      {attempts.data?.map((attempt) => (
        <Attempt key={attempt.name} attempt={attempt} />
      ))}
    </ol>
  )
}

function Attempt({ attempt }: { attempt: StepAttempt }) {
  return (
    <li className={css.attempt}>
      <div className={css.attemptHead}>
        <strong>Attempt {attempt.number}</strong>
        <StateMark state={attempt.state} />
        <span className="quiet">
          <Ago time={attempt.startTime} /> · <Took start={attempt.startTime} end={attempt.endTime} />
          {attempt.host && ` · ${attempt.host}`}
        </span>
      </div>
      {attempt.failure && <FailureText failure={attempt.failure} />}
    </li>
  )
}
