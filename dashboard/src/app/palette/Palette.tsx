import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { Dialog } from '@/ui/Dialog'
import { Note } from '@/ui/Note'
import { type Entry, matching } from './matching'
import css from './palette.module.css'

type Found = {
  /** What one may write a part of: "Page, run". */
  what: string
  entries: Entry[]
  isPending: boolean
  error: Error | null
}

/** Goes anywhere, and does what can be done anywhere, by writing a part of its name. */
export function Palette({ onClose, ...found }: Found & { onClose: () => void }) {
  return (
    <Dialog isOpen onClose={onClose} title="Go to, or do">
      <Choices {...found} onDone={onClose} />
    </Dialog>
  )
}

function Choices({ what, entries, isPending, error, onDone }: Found & { onDone: () => void }) {
  const [written, write] = useState('')
  const [at, setAt] = useState(0)
  const list = useId()
  const shown = matching(entries, written)
  const active = Math.min(at, shown.length - 1)

  function choose(entry: Entry | undefined) {
    if (!entry) return
    onDone()
    entry.act()
  }
  function onKeyDown(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!step && event.key !== 'Enter') return
    event.preventDefault()
    if (step) setAt((active + step + shown.length) % Math.max(1, shown.length))
    else choose(shown[active])
  }

  return (
    <>
      <input
        ref={focusFirst}
        role="combobox"
        aria-label={`${what} or action`}
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={shown[active] && `${list}-${active}`}
        className={css.field}
        placeholder={`${what}, action …`}
        maxLength={200}
        spellCheck={false}
        autoComplete="off"
        value={written}
        onChange={(event) => {
          write(event.target.value)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
      />
      {error && <Note kind="bad" error={error} />}
      <div role="listbox" id={list} aria-label="What was found" className={css.list}>
        {shown.map((entry, index) => (
          <Choice
            key={entry.id}
            id={`${list}-${index}`}
            entry={entry}
            isActive={index === active}
            onChoose={() => choose(entry)}
          />
        ))}
      </div>
      <p role="status" className={css.found}>
        {isPending ? 'Reading what is recent …' : `${shown.length} found`}
      </p>
    </>
  )
}

/** By the attribute, which React leaves out: the dialog heeds it when it opens, after all in it is there. */
function focusFirst(field: HTMLInputElement | null): void {
  field?.setAttribute('autofocus', '')
}

type ChoiceProps = { id: string; entry: Entry; isActive: boolean; onChoose: () => void }

function Choice({ id, entry, isActive, onChoose }: ChoiceProps) {
  const ref = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (isActive) ref.current?.scrollIntoView({ block: 'nearest' })
  }, [isActive])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys, as comboboxes do.
    <div ref={ref} id={id} role="option" aria-selected={isActive} className={css.choice} onClick={onChoose}>
      <span className={css.kind}>{entry.kind}</span>
      <span className="cut">{entry.label}</span>
    </div>
  )
}
