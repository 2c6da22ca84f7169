import { Field } from './Field'

/** What cannot be undone is typed first; the browser holds the form back until it is. */
export function Typed({ label, what }: { label: string; what: string }) {
  return (
    <Field
      label={label}
      name="typed"
      hint={what}
      onInput={({ currentTarget: field }) =>
        field.setCustomValidity(field.value === what ? '' : `Type ${what}`)
      }
      autoComplete="off"
      spellCheck={false}
      required
    />
  )
}
