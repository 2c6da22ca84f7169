import type { Run } from '@contract/workspace'
import { useVirtualizer, type VirtualItem } from '@tanstack/react-virtual'
import { type CSSProperties, memo, useMemo, useRef } from 'react'
import { CellText } from './CellText'
import { ColumnHead } from './ColumnHead'
import css from './compare.module.css'
import { type Mark, markOf, type Row } from './rows'

const ROW_PX = 34
const COLUMN_PX = 196

type Props = {
  ids: string[]
  runs: (Run | undefined)[]
  rows: Row[]
  /** The place of the run that the others are compared with; -1 where there is none. */
  baseline: number
  onBaseline: (id: string) => void
  onRemove: (id: string) => void
}

type Line = { title: string } | Row

/** A column for each run, a row for each fact: all are there, and those in sight are drawn. */
export function CompareTable({ ids, runs, rows, baseline, onBaseline, onRemove }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const lines = useMemo(() => linesOf(rows), [rows])
  const down = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  })
  const across = useVirtualizer({
    horizontal: true,
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => COLUMN_PX,
    overscan: 4,
  })
  const columns = across.getVirtualItems()
  const width = { '--runs': `${across.getTotalSize()}px`, '--run': `${COLUMN_PX}px` } as CSSProperties
  return (
    <div ref={scroller} className={css.scroller} tabIndex={0} role="region" aria-label="Comparison">
      <div
        role="table"
        aria-label="Comparison"
        aria-rowcount={lines.length + 1}
        aria-colcount={ids.length + 1}
        className={css.table}
        style={width}
      >
        <div role="rowgroup" className={css.head}>
          <div role="row" aria-rowindex={1} className={css.headRow}>
            <div role="columnheader" aria-colindex={1} className={css.label}>
              Fact
            </div>
            {columns.map(({ index, start }) => (
              <div
                key={ids[index]}
                role="columnheader"
                aria-colindex={index + 2}
                className={css.cell}
                style={{ translate: `${start}px` }}
              >
                <ColumnHead
                  id={ids[index] ?? ''}
                  run={runs[index]}
                  isBaseline={index === baseline}
                  onBaseline={onBaseline}
                  onRemove={onRemove}
                />
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className={css.rows} style={{ height: down.getTotalSize() }}>
          {down.getVirtualItems().map(({ index, start }) => (
            <LineRow
              key={keyOf(lines[index] as Line)}
              line={lines[index] as Line}
              index={index}
              top={start}
              columns={columns}
              baseline={baseline}
            />
          ))}
        </div>
      </div>
    </div>
  )
}

function linesOf(rows: Row[]): Line[] {
  return rows.flatMap((row, at) =>
    rows[at - 1]?.section === row.section ? [row] : [{ title: row.section }, row],
  )
}

function keyOf(line: Line): string {
  return 'title' in line ? line.title : `${line.section} ${line.name}`
}

type LineProps = { line: Line; index: number; top: number; columns: VirtualItem[]; baseline: number }

const LineRow = memo(function LineRow({ line, index, top, columns, baseline }: LineProps) {
  const isTitle = 'title' in line
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={isTitle ? `${css.row} ${css.titleRow}` : css.row}
      style={{ translate: `0 ${top}px` }}
    >
      <div role="rowheader" aria-colindex={1} className={css.label}>
        {isTitle ? line.title : <Label row={line} />}
      </div>
      {!isTitle &&
        columns.map(({ index: at, start }) => {
          const mark = at === baseline ? 'same' : markOf(line.cells[at], line.cells[baseline])
          return (
            <div
              key={at}
              role="cell"
              aria-colindex={at + 2}
              className={mark === 'same' ? css.cell : `${css.cell} ${css.differing}`}
              style={{ translate: `${start}px` }}
            >
              <MarkShape mark={mark} />
              <CellText cell={line.cells[at]} />
            </div>
          )
        })}
    </div>
  )
})

function Label({ row: { name, isSame } }: { row: Row }) {
  return (
    <>
      <span aria-hidden="true" className={css.shape} title={isSame ? 'The same everywhere' : 'Differs'}>
        {isSame ? '=' : '≠'}
      </span>
      <span className="cut" title={name}>
        {name}
      </span>
      {!isSame && <span className="unseen">differs</span>}
    </>
  )
}

const MARKS: Record<Exclude<Mark, 'same'>, [shape: string, words: string]> = {
  differs: ['≠', 'differs from the baseline'],
  more: ['▲', 'more than the baseline'],
  less: ['▼', 'less than the baseline'],
}

function MarkShape({ mark }: { mark: Mark }) {
  if (mark === 'same') return null
  const [shape, words] = MARKS[mark]
  return (
    <span className={css.shape} title={words}>
      <span aria-hidden="true">{shape}</span>
      <span className="unseen">{words}: </span>
    </span>
  )
}
