import type { JsonValue } from '@contract/method'
import { useRef, useState } from 'react'
import { FieldFrame } from './SchemaFields'
import type { SchemaFieldProps } from './SchemaForm'
import css from './schema.module.css'

const LEAST_LINES = 3
const MOST_LINES = 24

/** A value written as JSON; the browser holds back a form whose JSON is none. */
export function JsonField({ value, onChange, ...frame }: SchemaFieldProps) {
  const ref = useRef<HTMLTextAreaElement>(null)
  const [text, setText] = useState(() => written(value))
  const lines = Math.min(MOST_LINES, Math.max(LEAST_LINES, text.split('\n').length))

  function change(next: string) {
    setText(next)
    try {
      onChange(next.trim() === '' ? undefined : (JSON.parse(next) as JsonValue))
      ref.current?.setCustomValidity('')
    } catch (error) {
      ref.current?.setCustomValidity(`This is no JSON. ${(error as Error).message}`)
    }
  }

  return (
    <FieldFrame {...frame} value={value} kind="JSON">
      {(control) => (
        <textarea
          {...control}
          ref={ref}
          className={`${css.input} ${css.json}`}
          rows={lines}
          value={text}
          onChange={({ target }) => change(target.value)}
          spellCheck={false}
        />
      )}
    </FieldFrame>
  )
}

function written(value: JsonValue | undefined): string {
  return value === undefined ? '' : JSON.stringify(value, undefined, 2)
}
