import { Handle, type Node, type NodeProps, Position } from '@xyflow/react'
import css from '@/ui/graph/graph.module.css'
import type { Direction } from '@/ui/graph/useLayout'
import { Icon } from '@/ui/Icon'
import type { LineageNode } from './lineageOf'

type Box = Node<LineageNode & { direction: Direction; isChosen: boolean }, 'box'>

/** A version or a step, told apart by its shape. */
export function LineageBox({ data }: NodeProps<Box>) {
  const [from, to] =
    data.direction === 'LR' ? [Position.Left, Position.Right] : [Position.Top, Position.Bottom]
  return (
    <div className={css.node} data-chosen={data.isChosen || undefined}>
      <Handle type="target" position={from} isConnectable={false} className={css.handle} />
      <Icon name={data.isStep ? 'runs' : 'box'} />
      <span className={css.texts}>
        <span className={`cut ${css.label}`}>{data.label}</span>
        <span className={`cut ${css.word}`}>{data.detail}</span>
      </span>
      <Handle type="source" position={to} isConnectable={false} className={css.handle} />
    </div>
  )
}
