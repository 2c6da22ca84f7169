import type { LogFilter } from '@contract/workspace'
import { Button } from '@/ui/Button'
import { Note } from '@/ui/Note'
import { Line, LineNumber } from './LogLines'
import css from './logs.module.css'
import type { TimeForm } from './timeOf'
import { useMatches } from './useMatches'

type Props = {
  stream: string
  filter: Partial<LogFilter>
  form: TimeForm
  onWant: (line: number) => void
}

/** The lines that were found; the number of each leads to its place. */
export function Matches({ stream, filter, form, onWant }: Props) {
  const matches = useMatches(stream, filter)
  const lines = matches.data?.pages.flatMap((page) => page.lines) ?? []
  if (matches.error) return <Note kind="bad" error={matches.error} />
  return (
    <div className={css.lines}>
      <p className={css.found} role="status">
        {matches.isPending
          ? 'Searching the whole log …'
          : `${lines.length}${matches.hasNextPage ? '+' : ''} ${lines.length === 1 ? 'line' : 'lines'}`}
      </p>
      <div className={css.scroller} tabIndex={0} role="region" aria-label="Lines that were found">
        <ol>
          {lines.map((line) => (
            <li key={line.offset} className={css.match}>
              <LineNumber at={Number(line.offset)} onWant={onWant} />
              <Line line={line} form={form} needle={filter.contains ?? ''} />
            </li>
          ))}
        </ol>
        {matches.hasNextPage && (
          <Button size="small" isBusy={matches.isFetchingNextPage} onClick={() => matches.fetchNextPage()}>
            Search on
          </Button>
        )}
      </div>
    </div>
  )
}
