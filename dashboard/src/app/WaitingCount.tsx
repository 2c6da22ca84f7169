import css from './shell.module.css'
import { useMayDecide } from './useMayDecide'
import { useQuestions, useWaitingRequests } from './useWaiting'

/** How much waits for the user, beside the way there. */
export function WaitingCount() {
  const mayDecide = useMayDecide()
  const questions = useQuestions()
  const requests = useWaitingRequests('-')
  const count =
    questions.items.filter(mayDecide.question).length + requests.items.filter(mayDecide.request).length
  if (count === 0) return null
  const isMore = questions.hasNextPage || requests.hasNextPage
  return (
    <span className={`numbers ${css.count}`}>
      {count}
      {isMore && '+'}
      <span className="unseen"> for you</span>
    </span>
  )
}
