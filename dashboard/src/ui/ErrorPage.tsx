import { ApiError, Code } from '@/api/errors'
import { Button } from './Button'
import css from './empty.module.css'
import { Icon } from './Icon'
import { ErrorText } from './Note'
import { useTitle } from './useTitle'

const TITLES: Record<number, string> = {
  [Code.notFound]: 'There is nothing here',
  [Code.permissionDenied]: 'You may not see this',
  [Code.unavailable]: 'The server cannot be reached',
}

/** In place of what cannot be shown: what happened, the request's id, and a way on. */
export function ErrorPage({ error, onRetry }: { error: unknown; onRetry?: () => unknown }) {
  const title = (error instanceof ApiError && TITLES[error.code]) || 'This did not work'
  useTitle(title)
  return (
    <div className={css.empty} role="alert">
      <span className={css.bad}>
        <Icon name="warn" size={28} />
      </span>
      <h1>{title}</h1>
      <div className={css.words}>
        <ErrorText error={error} />
      </div>
      {onRetry && <Button onClick={() => onRetry()}>Try again</Button>}
    </div>
  )
}
