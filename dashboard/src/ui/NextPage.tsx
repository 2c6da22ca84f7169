import { Button } from './Button'
import { Note } from './Note'
import css from './table.module.css'
import type { More } from './VirtualTable'

/** Below a list whose next page could not be read: why, and the way to ask for it once more. */
export function NextPage({ more: { error, isReading, retry } }: { more: More }) {
  if (!error) return null
  return (
    <div className={css.next}>
      <Note kind="bad" error={error}>
        The rest of this list could not be read.
      </Note>
      <Button isBusy={isReading} onClick={retry}>
        Try again
      </Button>
    </div>
  )
}
