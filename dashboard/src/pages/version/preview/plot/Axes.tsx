import type { Figure } from './figure'
import { HEIGHT, INNER_HEIGHT, INNER_WIDTH, LEFT, TOP, xAt, yAt } from './marks'
import css from './plot.module.css'

/** The two axes with their ticks and titles, and lines across where numbers are. */
export function Axes({ figure: { x, y, xTitle, yTitle } }: { figure: Figure }) {
  const [right, bottom] = [LEFT + INNER_WIDTH, TOP + INNER_HEIGHT]
  return (
    <g className={css.axes}>
      {y.ticks.map(({ at, label }) => (
        <g key={at}>
          <line x1={LEFT} x2={right} y1={yAt(at)} y2={yAt(at)} className={css.grid} />
          <text x={LEFT - 8} y={yAt(at) + 4} textAnchor="end">
            {label}
          </text>
        </g>
      ))}
      {x.ticks.map(({ at, label }) => (
        <g key={at}>
          <line x1={xAt(at)} x2={xAt(at)} y1={bottom} y2={bottom + 4} />
          <text x={xAt(at)} y={bottom + 18} textAnchor="middle">
            {label}
          </text>
        </g>
      ))}
      <path d={`M${LEFT} ${TOP}V${bottom}H${right}`} />
      <text x={LEFT + INNER_WIDTH / 2} y={HEIGHT - 10} textAnchor="middle" className={css.axisTitle}>
        {xTitle}
      </text>
      <text
        transform={`translate(14 ${TOP + INNER_HEIGHT / 2}) rotate(-90)`}
        textAnchor="middle"
        className={css.axisTitle}
      >
        {yTitle}
      </text>
    </g>
  )
}
