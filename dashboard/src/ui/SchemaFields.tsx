// Fields of a schema's form that hold one value each.
import { type ReactNode, useId, useState } from 'react'
import { numberOf } from '@/api/schema'
import type { SchemaFieldProps } from './SchemaForm'
import css from './schema.module.css'

type FrameProps = Pick<
  SchemaFieldProps,
  'schema' | 'label' | 'path' | 'value' | 'problems' | 'isRequired'
> & {
  kind?: string
  children: (control: ControlProps) => ReactNode
}
type ControlProps = {
  id: string
  className: string | undefined
  'aria-required': true | undefined
  'aria-describedby': string | undefined
  'aria-invalid': true | undefined
}

/** A label, a control, and below it what it is for and what is wrong with it. */
export function FieldFrame({ schema, label, path, value, problems, isRequired, kind, children }: FrameProps) {
  const id = useId()
  const problem = problems.get(path)
  const isDescribed = !!(problem || schema.description)
  return (
    <div className={css.field}>
      <div className={css.label}>
        <label htmlFor={id}>{label}</label>
        {isRequired && value === undefined && <span className={css.required}>required</span>}
        {kind && <span className={css.kind}>{kind}</span>}
      </div>
      {children({
        id,
        className: css.input,
        'aria-required': isRequired || undefined,
        'aria-describedby': isDescribed ? `${id}-words` : undefined,
        'aria-invalid': problem ? true : undefined,
      })}
      {isDescribed && (
        <div id={`${id}-words`}>
          {schema.description && <p className={css.hint}>{schema.description}</p>}
          {problem && <p className={css.problem}>{problem}</p>}
        </div>
      )}
    </div>
  )
}

export function TextField({ value, onChange, ...frame }: SchemaFieldProps) {
  // Where nothing need be said, and nothing stands in for it, an emptied field says nothing.
  const isLeftOut = !frame.isRequired && frame.schema.default === undefined
  return (
    <FieldFrame {...frame} value={value}>
      {(control) => (
        <input
          {...control}
          value={typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)}
          onChange={({ target }) => onChange(target.value === '' && isLeftOut ? undefined : target.value)}
          spellCheck={false}
          autoComplete="off"
        />
      )}
    </FieldFrame>
  )
}

export function NumberField({ value, onChange, ...frame }: SchemaFieldProps) {
  const [text, setText] = useState('')
  // As it was written ("1e-3", "2."), as long as that is what the value is.
  const shown = numberOf(text) === value ? text : String(value ?? '')
  return (
    <FieldFrame {...frame} value={value} kind={frame.schema.type === 'integer' ? 'whole number' : 'number'}>
      {(control) => (
        <input
          {...control}
          inputMode="decimal"
          value={shown}
          onChange={({ target }) => {
            setText(target.value)
            onChange(numberOf(target.value))
          }}
          autoComplete="off"
        />
      )}
    </FieldFrame>
  )
}

export function FlagField({ value, onChange, ...frame }: SchemaFieldProps) {
  return (
    <FieldFrame {...frame} value={value}>
      {({ className: _, ...control }) => (
        <input
          {...control}
          type="checkbox"
          className={css.flag}
          checked={value === true}
          onChange={({ target }) => onChange(target.checked)}
        />
      )}
    </FieldFrame>
  )
}

/** One of the schema's values, which need not be texts. */
export function ChoiceField({ value, onChange, ...frame }: SchemaFieldProps) {
  const options = frame.schema.enum ?? []
  const at = options.indexOf(value ?? null)
  const isOpen = value === undefined || at < 0
  return (
    <FieldFrame {...frame} value={value}>
      {(control) => (
        <select
          {...control}
          value={isOpen ? '' : at}
          onChange={({ target }) => onChange(target.value === '' ? undefined : options[Number(target.value)])}
        >
          {(isOpen || !frame.isRequired) && <option value="">Choose …</option>}
          {options.map((option, index) => (
            <option key={JSON.stringify(option)} value={index}>
              {typeof option === 'string' ? option : JSON.stringify(option)}
            </option>
          ))}
        </select>
      )}
    </FieldFrame>
  )
}
