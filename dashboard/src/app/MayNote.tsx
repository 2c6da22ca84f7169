import { Button } from '@/ui/Button'
import { Note } from '@/ui/Note'
import type { May } from './may'
import css from './shell.module.css'

/** Why a page offers nothing: what one may do could not be read. */
export function MayNote({ may: { error, retry } }: { may: May<never> }) {
  if (!error) return null
  return (
    <div className={css.refused}>
      <Note kind="bad" error={error}>
        What you may do here could not be read: nothing is offered.
      </Note>
      <Button onClick={() => retry()}>Try again</Button>
    </div>
  )
}
