import { type TextareaHTMLAttributes, useId } from 'react'
import css from './field.module.css'

type Props = TextareaHTMLAttributes<HTMLTextAreaElement> & { label: string; hint?: string }

/** A field of several lines. */
export function TextArea({ label, hint, rows = 3, ...area }: Props) {
  const id = useId()
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        rows={rows}
        className={`${css.input} ${css.area}`}
        aria-describedby={hint ? `${id}-hint` : undefined}
        {...area}
      />
      {hint && (
        <p id={`${id}-hint`} className={css.hint}>
          {hint}
        </p>
      )}
    </div>
  )
}
