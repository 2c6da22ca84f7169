import { type ReactNode, useEffect, useId, useRef } from 'react'
import { Button } from './Button'
import css from './dialog.module.css'
import { Icon } from './Icon'

type Props = { isOpen: boolean; onClose: () => void; title: string; children: ReactNode }

/** A modal dialog: the browser's own, which holds the focus and gives it back. */
export function Dialog({ isOpen, onClose, title, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const dialog = ref.current
    if (!isOpen) return
    dialog?.showModal()
    // Also where it goes with what opened it: who closes it gets the focus back.
    return () => dialog?.close()
  }, [isOpen])
  return (
    <dialog ref={ref} className={css.dialog} aria-labelledby={id} onClose={onClose}>
      {isOpen && (
        <div className={css.inside}>
          <header className={css.head}>
            <h2 id={id}>{title}</h2>
            <Button kind="quiet" size="small" aria-label="Close" onClick={onClose}>
              <Icon name="close" />
            </Button>
          </header>
          {children}
        </div>
      )}
    </dialog>
  )
}
