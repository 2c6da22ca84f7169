import type { FeedState } from '@/api/feed'
import { Button } from '@/ui/Button'
import { useFeedState, useProject } from './project'
import css from './shell.module.css'

const WORDS: Record<FeedState, [word: string, meaning: string]> = {
  connecting: ['Connecting', 'Changes will show as they happen.'],
  live: ['Live', 'Changes show as they happen.'],
  reconnecting: ['Reconnecting', 'The connection broke; nothing is lost, it comes later.'],
  stale: ['Stale', 'There is no connection: this page shows what was, not what is.'],
  ended: ['Stopped', 'Changes are not followed: sign in again, or ask for access.'],
}

/** How old the page may be, in a word, a shape and a colour. */
export function LiveMark() {
  const { feed } = useProject()
  const state = useFeedState()
  const [word, meaning] = WORDS[state]
  return (
    <div className={css.live} data-state={state}>
      <span className={css.pulse} aria-hidden="true" />
      <span role="status" title={meaning}>
        {word}
      </span>
      {(state === 'stale' || state === 'ended') && (
        <Button kind="quiet" size="small" onClick={() => feed.retry()}>
          Retry
        </Button>
      )}
    </div>
  )
}
