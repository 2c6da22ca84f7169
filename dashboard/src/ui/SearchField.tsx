import { type FormEvent, useRef } from 'react'
import { Icon } from './Icon'
import css from './search.module.css'
import { useSlash } from './useSlash'

type Props = { label: string; value: string; onSearch: (text: string) => void }

/** Narrows a list down to what contains a text, on Enter; emptied, it shows all again. */
export function SearchField({ label, value, onSearch }: Props) {
  const field = useRef<HTMLInputElement>(null)
  useSlash(field)
  const search = () => onSearch(field.current?.value.trim() ?? '')

  function submit(event: FormEvent) {
    event.preventDefault()
    search()
  }

  return (
    <search>
      <form className={css.search} onSubmit={submit}>
        <Icon name="search" />
        <input
          key={value}
          ref={field}
          type="search"
          className={css.field}
          aria-label={label}
          placeholder={label}
          defaultValue={value}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => event.target.value === '' && value && search()}
        />
      </form>
    </search>
  )
}
