import type { LogLine } from '@contract/workspace'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState } from 'react'
import { Button } from '@/ui/Button'
import { LineText } from './LineText'
import css from './logs.module.css'
import { type TimeForm, timeOf } from './timeOf'
import type { Log } from './useLog'

const LINE_PX = 24
// What a browser can be asked to scroll over, also where a pixel of a page is four of the screen.
const WINDOW = 500_000

type Props = {
  log: Log
  /** The line that the address names, from 1; 0 where it names none. */
  wanted: number
  onWant: (line: number) => void
  form: TimeForm
  isWrapped: boolean
}

/** All lines of a log; it opens at the line that is wanted, or at its end, and follows that. */
export function LogLines({ log, wanted, onWant, form, isWrapped }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const [isFollowing, setFollowing] = useState(wanted === 0)
  const [base, setBase] = useState(() => baseFor(wanted, log.total))
  const rows = useVirtualizer({
    count: Math.min(log.total - base, WINDOW),
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: 30,
  })
  const shown = rows.getVirtualItems()
  const [first, last] = [shown.at(0)?.index ?? 0, shown.at(-1)?.index ?? 0]
  const { show, total } = log
  useEffect(() => {
    if (total > 0) show(base + first, base + last)
  }, [show, base, first, last, total])
  useEffect(() => {
    if (wanted > 0) setBase(baseFor(wanted, total))
    else if (isFollowing) setBase((now) => (total - now > WINDOW ? baseFor(0, total) : now))
  }, [wanted, isFollowing, total])
  useEffect(() => {
    if (wanted > 0) rows.scrollToIndex(wanted - 1 - base, { align: 'center' })
    else if (isFollowing && total > 0) rows.scrollToIndex(total - 1 - base, { align: 'end' })
  }, [rows, base, wanted, isFollowing, total])

  /** Whoever scrolls away from the end wants to read; whoever comes back there, to follow. */
  function scrolled() {
    const element = scroller.current
    if (!element) return
    const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 2 * LINE_PX
    setFollowing(isAtEnd)
  }

  return (
    <div className={css.lines}>
      <div
        ref={scroller}
        className={css.scroller}
        tabIndex={0}
        role="region"
        aria-label="Lines"
        onScroll={scrolled}
      >
        <ol className={css.list} style={{ height: rows.getTotalSize() }}>
          {shown.map(({ index, start, key }) => (
            <li
              key={key}
              ref={isWrapped ? rows.measureElement : undefined}
              data-index={index}
              data-wanted={base + index + 1 === wanted || undefined}
              className={`${css.line} ${isWrapped ? css.wrapped : ''}`}
              style={{ transform: `translateY(${start}px)` }}
            >
              <LineNumber at={base + index} onWant={onWant} />
              <Line line={log.line(base + index)} form={form} />
            </li>
          ))}
        </ol>
      </div>
      <div className={css.jumps}>
        {base > 0 && (
          <Button size="small" onClick={() => onWant(base)}>
            Before line {(base + 1).toLocaleString()}
          </Button>
        )}
        <Button size="small" onClick={() => (base > 0 ? onWant(1) : rows.scrollToIndex(0))}>
          Top
        </Button>
        <Button
          size="small"
          aria-pressed={isFollowing}
          onClick={() => {
            onWant(0)
            setFollowing(true)
          }}
        >
          {log.isOpen ? 'Follow' : 'End'}
        </Button>
      </div>
    </div>
  )
}

/** Where the part of a log begins that is scrolled over: around a line, or up to the end. */
function baseFor(wanted: number, total: number): number {
  const latest = Math.max(0, total - WINDOW)
  return wanted > 0 ? Math.min(latest, Math.max(0, wanted - WINDOW / 2)) : latest
}

/** The number of a line; a press makes it part of the address. */
export function LineNumber({ at, onWant }: { at: number; onWant: (line: number) => void }) {
  return (
    <a
      className={css.number}
      href={`#L${at + 1}`}
      aria-label={`Line ${at + 1}`}
      onClick={(event) => {
        event.preventDefault()
        onWant(at + 1)
      }}
    >
      {at + 1}
    </a>
  )
}

export function Line({
  line,
  form,
  needle = '',
}: {
  line: LogLine | undefined
  form: TimeForm
  needle?: string
}) {
  if (!line) return <span className={css.unread}>…</span>
  return (
    <>
      {form !== 'none' && <time className={css.time}>{timeOf(line.time, form)}</time>}
      <LineText line={line} needle={needle} />
    </>
  )
}
