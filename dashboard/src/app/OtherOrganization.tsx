import { type FormEvent, useRef } from 'react'
import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'
import css from './login.module.css'

/** Has people type their organization: none is listed to whoever is not signed in. */
export function OtherOrganization({ onChosen }: { onChosen: (organization: string) => void }) {
  const summary = useRef<HTMLElement>(null)

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    onChosen(String(new FormData(event.currentTarget).get('organization')).trim().toLowerCase())
    const details = summary.current?.closest('details')
    if (details) details.open = false
    summary.current?.focus()
  }

  return (
    <details className={css.other}>
      <summary ref={summary}>Sign in to another organization</summary>
      <form className={css.form} onSubmit={submit}>
        <Field
          label="Organization"
          name="organization"
          hint="Its id, as in addresses of its pages: “acme” of /o/acme. Empty for the first one made here."
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
        />
        <Button type="submit">Go on</Button>
      </form>
    </details>
  )
}
