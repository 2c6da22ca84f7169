import { type InputHTMLAttributes, useId } from 'react'
import css from './field.module.css'

type Props = InputHTMLAttributes<HTMLInputElement> & {
  label: string
  hint?: string
  /** What a server says is wrong with it. */
  problem?: string | undefined
}

export function Field({ label, hint, problem, ...input }: Props) {
  const id = useId()
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className={css.input}
        aria-describedby={hint || problem ? `${id}-hint` : undefined}
        aria-invalid={problem ? true : undefined}
        {...input}
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
