import { useId, useState } from 'react'
import { initialOf, kindOf, kindsOf, placeOf, wordOf } from '@/api/schema'
import { SchemaField, type SchemaFieldProps } from './SchemaForm'
import css from './schema.module.css'

/** A value of one of several kinds: which one, and then the value. Optional ones are text or nothing. */
export function KindsField(props: SchemaFieldProps) {
  const { schema, label, value, onChange, path, problems } = props
  const id = useId()
  const kinds = kindsOf(schema) ?? []
  const found = placeOf(kinds, value)
  const [chosen, setChosen] = useState(Math.max(0, found))
  // What is written half ("", "1.") is of no kind yet: it stays of the one that was chosen.
  const at = found >= 0 && placeOf(kinds.slice(chosen, chosen + 1), value) < 0 ? found : chosen
  const kind = kinds[at] ?? {}
  function choose(next: number) {
    setChosen(next)
    onChange(initialOf(kinds[next] ?? {}))
  }
  return (
    <div className={css.kinds}>
      <div className={css.field}>
        <label htmlFor={id} className={css.label}>
          {kindOf(kind) === 'nothing' ? label : `Kind of ${label}`}
        </label>
        <select
          id={id}
          className={css.input}
          value={at}
          onChange={({ target }) => choose(Number(target.value))}
        >
          {kinds.map((each, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: kinds of a schema never change places
            <option key={index} value={index}>
              {wordOf(each)}
            </option>
          ))}
        </select>
        {kindOf(kind) === 'nothing' && problems.has(path) && (
          <p className={css.problem}>{problems.get(path)}</p>
        )}
      </div>
      <SchemaField {...props} schema={{ ...kind, ...words(schema.description) }} key={at} />
    </div>
  )
}

function words(description: string | undefined): { description?: string } {
  return description ? { description } : {}
}
