import { type InputHTMLAttributes, useId } from 'react'
import { Field } from './Field'

type Props = InputHTMLAttributes<HTMLInputElement> & { label: string; hint?: string; proposals: string[] }

/** A field that proposes what one may mean; anything else may be written too. */
export function Suggested({ proposals, ...field }: Props) {
  const list = useId()
  return (
    <div>
      <Field list={list} autoComplete="off" spellCheck={false} {...field} />
      <datalist id={list}>
        {proposals.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </div>
  )
}
