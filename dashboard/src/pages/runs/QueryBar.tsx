import { type FormEvent, useEffect, useRef } from 'react'
import { termsOf, withoutTerm, withTerm } from '@/api/terms'
import { isTyping } from '@/app/useShortcuts'
import { Button } from '@/ui/Button'
import { Icon } from '@/ui/Icon'
import { Menu, MenuItem, MenuLabel } from '@/ui/Menu'
import css from './runs.module.css'

type Props = { query: string; onQuery: (query: string) => void }

const EXAMPLES = [
  ['pipeline = train', 'of a pipeline'],
  ['create_time > now()-"24h"', 'of the last day'],
  ['trigger = SCHEDULE', 'of schedules'],
  ['labels.team = vision', 'with a label'],
  ['metadata.accuracy > 0.9', 'by what they measured'],
  ['NOT state = SUCCEEDED', 'that did not succeed'],
] as const

/** Which runs, in the language of the command line and the API; each term is a chip. */
export function QueryBar({ query, onQuery }: Props) {
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
          aria-label="Filter runs"
          placeholder={query ? 'and …' : 'Filter: state = FAILED pipeline = train'}
          spellCheck={false}
          autoComplete="off"
        />
        {!query && <kbd title="Press / to come here">/</kbd>}
      </form>
      <Menu align="end" trigger={<Button>Examples</Button>}>
        <MenuLabel>Runs …</MenuLabel>
        {EXAMPLES.map(([term, meaning]) => (
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

/** `/` goes to the field. */
function useSlash(field: React.RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== '/' || isTyping(event)) return
      event.preventDefault()
      field.current?.focus()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [field])
}
