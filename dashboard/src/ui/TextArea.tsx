import { type TextareaHTMLAttributes, useId } from 'react'
import css from './field.module.css'

type Props = TextareaHTMLAttributes<HTMLTextAreaElement> & {
  label: string
  hint?: string
  /** What a server says is wrong with it. */
  problem?: string | undefined
}

/** A field of several lines. */
export function TextArea({ label, hint, problem, rows = 3, ...area }: Props) {
  const id = useId()
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        rows={rows}
        className={`${css.input} ${css.area}`}
        aria-describedby={hint || problem ? `${id}-hint` : undefined}
        aria-invalid={problem ? true : undefined}
        {...area}
      />
      {(hint || problem) && (
        <div id={`${id}-hint`}>
          {hint && <p className={css.hint}>{hint}</p>}
          {problem && <p className={css.problem}>{problem}</p>}
        </div>
      )}
    </div>
  )
}
