import type { FormEvent, ReactNode } from 'react'
import { Button } from './Button'
import { Dialog } from './Dialog'
import form from './form.module.css'
import { Note } from './Note'

type Props = {
  isOpen: boolean
  onClose: () => void
  title: string
  /** What the button says: the verb. */
  verb: string
  isDangerous?: boolean
  onConfirm: (form: FormData) => void
  isBusy: boolean
  error: Error | null
  children: ReactNode
}

/** Asks before something is done, with what it needs to be told. */
export function ConfirmDialog({ isOpen, onClose, title, children, ...rest }: Props) {
  const { verb, isDangerous = false, onConfirm, isBusy, error } = rest

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    onConfirm(new FormData(event.currentTarget))
  }

  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={title}>
      <form className={form.form} onSubmit={submit}>
        {children}
        {error && <Note kind="bad" error={error} />}
        <div className={form.actions}>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind={isDangerous ? 'danger' : 'primary'} type="submit" isBusy={isBusy}>
            {verb}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
