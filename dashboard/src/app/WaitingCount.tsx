import css from './shell.module.css'
import { useMayDecide } from './useMayDecide'
import { useQuestions, useStageRequests } from './useWaiting'

/** How much waits for the user, beside the way there. */
export function WaitingCount() {
  const mayDecide = useMayDecide()
  const questions = useQuestions().items.filter(mayDecide.question)
  const requests = useStageRequests().items.filter(mayDecide.request)
  const count = questions.length + requests.length
  if (count === 0) return null
  return (
    <span className={`numbers ${css.count}`}>
      {count}
      <span className="unseen"> for you</span>
    </span>
  )
}
