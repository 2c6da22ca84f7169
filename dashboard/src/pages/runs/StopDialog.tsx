import type { StopMode } from '@contract/workspace'
import type { FormEvent } from 'react'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'
import css from './runs.module.css'

export type StopWish = { mode: StopMode; reason: string }

type Props = {
  isOpen: boolean
  onClose: () => void
  onStop: (wish: StopWish) => void
  count: number
  isBusy: boolean
  error: Error | null
}

export function StopDialog({ isOpen, onClose, onStop, count, isBusy, error }: Props) {
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const mode = form.get('force') ? 'STOP_MODE_FORCE' : 'STOP_MODE_GRACEFUL'
    onStop({ mode, reason: String(form.get('reason')) })
  }

  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={count === 1 ? 'Stop this run?' : `Stop ${count} runs?`}>
      <form className={css.form} onSubmit={submit}>
        <p className="quiet">Steps that run may finish; no further one starts.</p>
        <Field label="Reason" name="reason" maxLength={512} hint="Optional; shown with the run." />
        <label className={css.checkLabel}>
          <input type="checkbox" name="force" />
          Cancel running steps too
        </label>
        {error && <Note kind="bad" error={error} />}
        <div className={css.formActions}>
          <Button onClick={onClose}>Keep running</Button>
          <Button kind="primary" type="submit" isBusy={isBusy}>
            Stop
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
