import { isValidElement, type ReactNode } from 'react'
import css from './values.module.css'

/** Names with their values; what is empty is left out, what is no text is shown as JSON. */
export function Values({ values }: { values: Record<string, unknown> }) {
  const given = Object.entries(values).filter(
    ([, value]) => value !== undefined && value !== '' && value !== null,
  )
  return (
    <dl className={css.values}>
      {given.map(([name, value]) => (
        <div key={name} className={css.value}>
          <dt>{name}</dt>
          <dd>{drawn(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

function drawn(value: unknown): ReactNode {
  if (isValidElement(value) || typeof value === 'string') return value
  return <pre className={css.json}>{JSON.stringify(value, undefined, 2)}</pre>
}
