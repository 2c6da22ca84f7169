import type { JsonValue } from '@contract/method'
import { useRef } from 'react'
import { initialOf, type Schema } from '@/api/schema'
import { Button } from './Button'
import { Icon } from './Icon'
import { SchemaField, type SchemaFieldProps } from './SchemaForm'
import css from './schema.module.css'

/** Items one below the other, which are added and taken out. */
export function ListField({ schema, label, path, value, onChange, problems }: SchemaFieldProps) {
  const items = Array.isArray(value) ? value : []
  const keys = useKeys(items.length)
  const item: Schema = schema.items ?? {}
  const change = (at: number, below: JsonValue | undefined) => onChange(items.with(at, below ?? null))
  function remove(at: number) {
    keys.splice(at, 1)
    onChange(items.toSpliced(at, 1))
  }
  return (
    <fieldset className={css.group}>
      <legend className={css.legend}>{label}</legend>
      {schema.description && <p className={css.hint}>{schema.description}</p>}
      {problems.has(path) && <p className={css.problem}>{problems.get(path)}</p>}
      {items.map((each, at) => (
        <div key={keys[at]} className={css.item}>
          <SchemaField
            schema={item}
            label={`${label} ${at + 1}`}
            path={`${path}[${at}]`}
            // An item that nobody wrote yet is nothing, which lists hold as null.
            value={each ?? undefined}
            onChange={(below) => change(at, below)}
            problems={problems}
            isRequired
          />
          <Button
            kind="quiet"
            size="small"
            aria-label={`Remove ${label} ${at + 1}`}
            onClick={() => remove(at)}
          >
            <Icon name="close" />
          </Button>
        </div>
      ))}
      <button type="button" className={css.add} onClick={() => onChange([...items, initialOf(item) ?? null])}>
        Add to {label}
      </button>
    </fieldset>
  )
}

/** A key for each item, which it keeps while those before it go. */
function useKeys(count: number): number[] {
  const keys = useRef<number[]>([])
  const next = useRef(0)
  while (keys.current.length < count) keys.current.push(next.current++)
  keys.current.length = count
  return keys.current
}
