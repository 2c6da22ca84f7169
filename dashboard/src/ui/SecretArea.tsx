import type { TextareaHTMLAttributes } from 'react'
import css from './secret.module.css'
import { TextArea } from './TextArea'

type Props = TextareaHTMLAttributes<HTMLTextAreaElement> & {
  label: string
  hint?: string
  /** What a server says is wrong with it. */
  problem?: string | undefined
}

/**
 * A field for a secret, which may have lines. Nobody reads it over a shoulder, and nothing keeps it: no state of the
 * page, no memory of the browser, no checker of spelling. It is in the form alone, until that is closed.
 */
export function SecretArea(props: Props) {
  return (
    <div className={css.secret}>
      <TextArea rows={1} autoComplete="off" autoCapitalize="off" spellCheck={false} {...props} />
    </div>
  )
}
