import type { LogLine } from '@contract/workspace'
import { memo } from 'react'
import { piecesOf } from '@/api/ansi'
import css from './logs.module.css'

/** The text of a line in its colours; of all it holds, nothing is ever more than text. */
export const LineText = memo(function LineText({ line, needle }: { line: LogLine; needle: string }) {
  if (line.droppedLines && Number(line.droppedLines) > 0)
    return <span className={css.dropped}>{line.message || `${line.droppedLines} lines were not kept`}</span>
  return (
    <span className={`${css.text} ${css[levelOf(line)] ?? ''}`}>
      {piecesOf(line.message).map(({ text, styles }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other identity, and never move.
        <span key={at} className={styles.map((style) => css[style]).join(' ') || undefined}>
          {marked(text, needle)}
        </span>
      ))}
    </span>
  )
})

function marked(text: string, needle: string) {
  const at = needle ? text.indexOf(needle) : -1
  if (at < 0) return text
  const end = at + needle.length
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, end)}</mark>
      {text.slice(end)}
    </>
  )
}

/** "error" of "LOG_LEVEL_ERROR". */
export function levelOf(line: LogLine): string {
  return line.level.replace('LOG_LEVEL_', '').toLowerCase()
}
