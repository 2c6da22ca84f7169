import type { ReactNode } from 'react'
import { Button } from './Button'
import { CopyCommand } from './CopyCommand'
import { Dialog } from './Dialog'
import form from './form.module.css'
import { Note } from './Note'

type Props = {
  /** What must be handed over now; the dialog is open while there is any. */
  secret: string
  title: string
  onClose: () => void
  children: ReactNode
}

/** A secret that no server can show a second time. */
export function ShownOnce({ secret, title, onClose, children }: Props) {
  return (
    <Dialog isOpen={!!secret} onClose={onClose} title={title}>
      <div className={form.form}>
        <Note kind="warn">This is shown once. Copy it now: nobody can read it again.</Note>
        <CopyCommand command={secret} />
        {children}
        <div className={form.actions}>
          <Button kind="primary" onClick={onClose}>
            I have copied it
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
