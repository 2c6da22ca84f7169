import { type FormEvent, useRef } from 'react'
import { termsOf, withoutTerm, withTerm } from '@/api/terms'
import { Button } from '@/ui/Button'
import { Icon } from '@/ui/Icon'
import { Menu, MenuItem, MenuLabel } from '@/ui/Menu'
import css from './filter.module.css'
import { useSlash } from './useSlash'

type Props = {
  /** What is filtered, in the plural: "runs". */
  what: string
  query: string
  onQuery: (query: string) => void
  /** What one may write, shown where nothing is written. */
  hint: string
  /** Terms with what they mean, to choose from. */
  examples: readonly (readonly [term: string, meaning: string])[]
}

/** Which of a list, in the language of the command line and the API; each term is a chip. */
export function FilterBar({ what, query, onQuery, hint, examples }: Props) {
  const field = useRef<HTMLInputElement>(null)
  useSlash(field)

  function submit(event: FormEvent) {
    event.preventDefault()
    const written = field.current?.value.trim()
    if (!written || !field.current) return
    field.current.value = ''
    onQuery(withTerm(query, written))
  }

  return (
    <search className={css.query}>
      <form onSubmit={submit} className={css.searchForm}>
        <span className={css.searchIcon}>
          <Icon name="search" />
        </span>
        <ul className={css.chips} aria-label="Terms">
          {termsOf(query).map((term) => (
            <li key={term} className={css.chip}>
              <span className="mono">{term}</span>
              <button
                type="button"
                aria-label={`Remove ${term}`}
                onClick={() => onQuery(withoutTerm(query, term))}
              >
                <Icon name="close" size={12} />
              </button>
            </li>
          ))}
        </ul>
        <input
          ref={field}
          className={css.searchField}
          aria-label={`Filter ${what}`}
          placeholder={query ? 'and …' : `Filter: ${hint}`}
          spellCheck={false}
          autoComplete="off"
        />
        {!query && <kbd title="Press / to come here">/</kbd>}
      </form>
      <Menu align="end" trigger={<Button>Examples</Button>}>
        <MenuLabel>{what.charAt(0).toUpperCase() + what.slice(1)} …</MenuLabel>
        {examples.map(([term, meaning]) => (
          <MenuItem key={term} onSelect={() => onQuery(withTerm(query, term))}>
            <span className={css.example}>
              <span>{meaning}</span>
              <code>{term}</code>
            </span>
          </MenuItem>
        ))}
      </Menu>
    </search>
  )
}
