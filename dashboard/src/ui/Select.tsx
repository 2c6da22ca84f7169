import { type SelectHTMLAttributes, useId } from 'react'
import css from './field.module.css'

type Props = SelectHTMLAttributes<HTMLSelectElement> & {
  label: string
  hint?: string
  choices: readonly (readonly [value: string, label: string])[]
}

/** One of several, in a form: the browser's own list. */
export function Select({ label, hint, choices, ...select }: Props) {
  const id = useId()
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <select id={id} className={css.input} aria-describedby={hint ? `${id}-hint` : undefined} {...select}>
        {choices.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
      {hint && (
        <p id={`${id}-hint`} className={css.hint}>
          {hint}
        </p>
      )}
    </div>
  )
}
