import { Handle, type Node, type NodeProps, Position } from '@xyflow/react'
import css from '@/ui/graph/graph.module.css'
import type { Direction } from '@/ui/graph/useLayout'
import { StateShape } from '@/ui/StateMark'
import { lookOf } from '@/ui/states'
import { StepBar } from '../../runs/StepBar'
import type { GraphNode } from './graphOf'

export type StepFlowNode = Node<GraphNode & { direction: Direction; isChosen: boolean }, 'box'>

/** A step as a box: its shape and word, its name, and how far its items are. */
export function StepNode({ data }: NodeProps<StepFlowNode>) {
  const { word, tone } = lookOf(data.state)
  const [from, to] =
    data.direction === 'LR' ? [Position.Left, Position.Right] : [Position.Top, Position.Bottom]
  return (
    <div className={css.node} data-tone={tone} data-chosen={data.isChosen || undefined}>
      <Handle type="target" position={from} isConnectable={false} className={css.handle} />
      <span aria-hidden="true">
        <StateShape state={data.state} />
      </span>
      <span className={css.texts}>
        <span className={`cut ${css.label}`}>{data.label}</span>
        {Object.keys(data.counts).length > 0 ? (
          <StepBar counts={data.counts} />
        ) : (
          <span className={css.word}>{word}</span>
        )}
      </span>
      <Handle type="source" position={to} isConnectable={false} className={css.handle} />
    </div>
  )
}
