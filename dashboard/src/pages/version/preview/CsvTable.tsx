import { useMemo } from 'react'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import { rowsOf } from './csv'
import css from './preview.module.css'

const MOST_COLUMNS = 200
type Row = { id: string; cells: string[] }

/** Comma-separated values, whose first row names the columns. */
export function CsvTable({ text }: { text: string }) {
  const { columns, rows, left } = useMemo(() => tableOf(text), [text])
  return (
    <>
      <p className={css.told}>
        {rows.length.toLocaleString()} rows × {(columns.length + left).toLocaleString()} columns
        {left > 0 && `; the last ${left.toLocaleString()} columns are left out`}
      </p>
      <VirtualTable label="Table" items={rows} columns={columns} keyOf={({ id }) => id} />
    </>
  )
}

function tableOf(text: string) {
  const [head = [], ...body] = rowsOf(text)
  const columns = head.slice(0, MOST_COLUMNS).map(
    (label, at): Column<Row> => ({
      id: String(at),
      label,
      width: 'minmax(96px, 1fr)',
      cell: ({ cells }) => <span title={cells[at]}>{cells[at]}</span>,
    }),
  )
  return {
    columns,
    rows: body.map((cells, at): Row => ({ id: String(at), cells })),
    left: head.length - columns.length,
  }
}
