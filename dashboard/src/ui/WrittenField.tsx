import type { JsonValue } from '@contract/method'
import { useRef, useState } from 'react'
import { FieldFrame } from './SchemaFields'
import type { SchemaFieldProps } from './SchemaForm'
import css from './schema.module.css'

const LEAST_LINES = 3
const MOST_LINES = 24

/** A language that values are written in; `read` throws where a text is none of it. */
export type Notation = {
  name: string
  read: (text: string) => JsonValue
  write: (value: JsonValue) => string
}

type Props = SchemaFieldProps & { notation: Notation }

/** A value written as a text; the browser holds back a form whose text is none of the notation. */
export function WrittenField({ notation, value, onChange, ...frame }: Props) {
  const ref = useRef<HTMLTextAreaElement>(null)
  const [text, setText] = useState(() => (value === undefined ? '' : notation.write(value)))
  const lines = Math.min(MOST_LINES, Math.max(LEAST_LINES, text.split('\n').length))

  function change(next: string) {
    setText(next)
    try {
      onChange(next.trim() === '' ? undefined : notation.read(next))
      ref.current?.setCustomValidity('')
    } catch (error) {
      ref.current?.setCustomValidity(`This is no ${notation.name}. ${(error as Error).message}`)
    }
  }

  return (
    <FieldFrame {...frame} value={value} kind={notation.name}>
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
